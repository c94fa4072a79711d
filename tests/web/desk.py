"""The operator's decisions on editions, in memory."""

from __future__ import annotations

from dataclasses import replace

from digest.editions.model import EditionState
from digest.errors import StoreError
from digest.mail.operator_mail import ApprovalRequest
from digest.web import sample_pages as samples


class Desk:
    """Approvals with editions in memory."""

    def __init__(self) -> None:
        sending, dropping, unknown, *_ = samples.sample_proposals()
        self.proposals = {
            number: replace(one, edition=replace(one.edition, id=number))
            for number, one in enumerate((sending, dropping, unknown), 1)
        }
        self.calls: list[tuple[str, int]] = []
        self.broken = False

    async def proposal(self, edition_id: int) -> ApprovalRequest | None:
        if self.broken:
            raise StoreError("locked")
        return self.proposals.get(edition_id)

    async def approve(self, edition_id: int) -> bool:
        self.calls.append(("approve", edition_id))
        return self.proposals[edition_id].configured and self._become(
            edition_id, EditionState.OPEN, cancelled=False
        )

    async def drop(self, edition_id: int) -> bool:
        self.calls.append(("drop", edition_id))
        return self._become(edition_id, EditionState.CANCELLED, cancelled=True)

    def _become(self, number: int, state: EditionState, *, cancelled: bool) -> bool:
        one = self.proposals[number]
        if not one.waits:
            return False
        edition = replace(one.edition, state=state, cancelled=cancelled)
        self.proposals[number] = replace(one, edition=edition)
        return True
