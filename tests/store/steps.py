"""What may happen to a store: articles come and change, go and come back, feeds are defined."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st

from digest.articles.filters import ArticleFilter, Criteria
from digest.articles.ingest.records import Reading
from digest.articles.model import Changes, article_key
from digest.articles.revision import IngestPolicy
from digest.store.database import Store
from tests import stores
from tests.store.samples import FINANCE, LOANS, NOW, SPACE, reading

Step = list[Reading] | IngestPolicy | str

ARTICLES = st.builds(
    reading,
    st.sampled_from(["1.md", "2.md", "金融/3.md"]),
    identity=st.sampled_from([None, "urn:x"]),
    categories=st.sampled_from([(), (LOANS,), (SPACE, FINANCE)]),
    body=st.sampled_from(["<p>桥长三百米。</p>", "<p>A bridge</p>"]),
    authors=st.sampled_from([(), ("林海",), ("Ada Field", "林海")]),
    language=st.sampled_from([None, "en-GB", "zh"]),
    published_at=st.sampled_from([NOW, NOW - timedelta(days=1)]),
)
DEFINITIONS = st.builds(
    IngestPolicy,
    language=st.sampled_from(["en", "zh-CN"]),
    filters=st.lists(
        st.builds(
            ArticleFilter,
            name=st.sampled_from(["a", "b"]),
            wanted=st.sampled_from(
                [Criteria(words=("bridge", "三百")), Criteria(languages=("en",))]
            ),
            unwanted=st.sampled_from([Criteria(), Criteria(categories=(FINANCE,))]),
        ),
        max_size=2,
        unique_by=lambda article_filter: article_filter.name,
    ).map(tuple),
)
STEPS = st.one_of(
    st.lists(ARTICLES, min_size=1, max_size=3, unique_by=lambda one: one.record.path),
    DEFINITIONS,
    st.sampled_from(["withdraw", "restore"]),
)


def take(
    store: Store, step: Step, policy: IngestPolicy, now: datetime
) -> tuple[IngestPolicy, Changes]:
    """Do a step; return the policy from then on, and what it changed."""
    if isinstance(step, IngestPolicy):
        return step, store.articles.update_withdrawals(now, None, step)
    if isinstance(step, list):
        return policy, store.articles.record(step, now, policy)
    if step == "withdraw":
        return policy, store.withdrawals.withdraw(stores.keys(store)[:1], now)
    return policy, store.withdrawals.restore([article_key("1"), article_key("urn:x")], now)
