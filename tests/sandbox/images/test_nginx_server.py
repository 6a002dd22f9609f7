"""What an nginx image starts is configured as the official image configures it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import ConfigError
from drillbook.sandbox.images.nginx_server import configure, resolved, substituted


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A folder of templates with one for a server."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "default.conf.template").write_text("listen ${POD_IP}:8080; proxy_set_header Host $host;")
    return folder


def home(tmp_path: Path, templates: Path, **env: str) -> Path:
    """The folder that stands for /etc/nginx, configured."""
    made = tmp_path / "nginx"
    made.mkdir()
    configure(made, {"NGINX_ENVSUBST_TEMPLATE_DIR": str(templates), "POD_IP": "127.9.1.2", **env})
    return made


def test_a_template_becomes_a_server_below_conf_d(tmp_path: Path, templates: Path) -> None:
    made = home(tmp_path, templates)
    assert "listen 127.9.1.2:8080;" in (made / "conf.d" / "default.conf").read_text()
    assert "include conf.d/*.conf;" in (made / "nginx.conf").read_text()


def test_a_template_may_be_the_main_file(tmp_path: Path, templates: Path) -> None:
    (templates / "nginx.conf.template").write_text("events {}")
    assert (home(tmp_path, templates, NGINX_ENVSUBST_OUTPUT_DIR="/etc/nginx") / "nginx.conf").read_text() == "events {}"


def test_only_variables_that_pass_the_filter_are_put_in(tmp_path: Path, templates: Path) -> None:
    made = home(tmp_path, templates, host="wrong", NGINX_ENVSUBST_FILTER="^POD_IP$")
    assert (made / "conf.d" / "default.conf").read_text() == "listen 127.9.1.2:8080; proxy_set_header Host $host;"


def test_nothing_is_written_outside_the_folder_that_stands_for_etc_nginx(tmp_path: Path, templates: Path) -> None:
    with pytest.raises(ConfigError, match="expected a folder below /etc/nginx, found /etc"):
        home(tmp_path, templates, NGINX_ENVSUBST_OUTPUT_DIR="/etc")


def test_an_upstream_that_only_the_cluster_knows_becomes_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.9.100.7 backend-1 backend-1.shop\n")
    monkeypatch.setenv("DRILLBOOK_HOSTS", str(hosts))
    text = "upstream api {\n    server backend-1:5000 max_fails=3;\n    server localhost:5000;\n}\nserver {\n}\n"
    assert resolved(text) == text.replace("backend-1", "127.9.100.7")


@given(st.text(alphabet=st.characters(exclude_characters="$")), st.dictionaries(st.from_regex(r"\A\w+\Z"), st.text()))
def test_a_text_without_a_dollar_stays_as_it_is(text: str, values: dict[str, str]) -> None:
    assert substituted(text, values) == text
