"""Assets are served with their type, for ever, and nothing in them may run."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from digest.web.assets import AssetFiles

HASH = "0123456789abcdef" * 2
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    (tmp_path / f"{HASH}.png").write_bytes(PNG)
    (tmp_path / f"{HASH}.svg").write_bytes(b"<svg onload='alert(1)'/>")
    (tmp_path / f"{HASH}.zip").write_bytes(b"PK")
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / ("f" * 32 + ".png")).mkdir()
    transport = httpx.ASGITransport(app=AssetFiles(tmp_path, Starlette()))
    return httpx.AsyncClient(transport=transport, base_url="http://news.example")


async def test_a_picture_is_served_with_its_type_and_kept_for_ever(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get(f"/assets/{HASH}.png")
    assert (response.status_code, response.content) == (200, PNG)
    assert response.headers["content-type"] == "image/png"
    assert "immutable" in response.headers["cache-control"]
    assert "content-disposition" not in response.headers
    again = await client.get(
        f"/assets/{HASH}.png", headers={"If-None-Match": response.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_a_part_is_served(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/assets/{HASH}.png", headers={"Range": "bytes=0-3"})
    assert (response.status_code, response.content) == (206, PNG[:4])


async def test_scripts_in_pictures_do_not_run(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/assets/{HASH}.svg")
    assert response.headers["content-type"].startswith("image/svg+xml")
    policy = response.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_what_browsers_do_not_show_is_downloaded(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/assets/{HASH}.zip")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "name",
    ["secret.png", "..%2Ftoken.key", f"{HASH}.gif", f"{HASH}.PNG", f".{HASH}.png", f"{HASH}"],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/assets/{name}")).status_code == 404
