"""The loopback development server: ``python -m remote_api --port N``; in production gunicorn does it."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

from app.core.client_addresses import is_loopback
from app.core.errors import ConfigurationError, ServiceUnavailable
from app.core.settings import Settings
from remote_api import wsgi
from remote_api.application import Application

DEFAULT_PORT: Final = 8888


class RequestHandler(WSGIRequestHandler):
    """Without a version banner, and with a log that omits queries, which may contain secrets."""

    def version_string(self) -> str:
        """The ``Server`` header."""
        return wsgi.SERVER_NAME

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002 - its signature
        """One line a request: method, path, status."""
        path = ascii(getattr(self, "path", "").partition("?")[0])[1:-1]
        self.log("info", "%s %s %s", getattr(self, "command", "-"), path, str(int(code) if code != "-" else code))


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one return per way of not beginning
    """Serve until stopped. Returns the exit code: 0 success, 1 cannot start, 2 invalid settings or arguments."""
    options = _parser().parse_args(arguments)
    if options.write_openapi is not None:
        options.write_openapi.write_bytes(wsgi.described())
        return 0
    host = "127.0.0.1" if options.host == "localhost" else options.host.strip("[]")
    if not is_loopback(f"http://{f'[{host}]' if ':' in host else host}"):
        return _fail("This server is for development and listens on this machine only; use gunicorn for others.", 2)
    try:
        settings = wsgi.load_settings()
        if settings.production:
            return _fail("In production, serve the API with: gunicorn remote_api.wsgi:application", 2)
        port = options.port if options.port is not None else _configured_port(settings)
        listening = _listen(host, port)
        if listening is None:
            return _fail(f"Port {port} on {host} is taken or may not be used; choose another with --port.", 1)
        with listening:
            wsgi.prepare_new_database(settings)
            _serve(wsgi.build(settings), host, listening)
    except ConfigurationError as error:
        return _fail(wsgi.as_lines(error), 2)
    except ServiceUnavailable as error:
        return _fail(wsgi.as_lines(error), 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m remote_api", description="The remote API, for development.")
    parser.add_argument("--port", type=_port, help="port to listen on (default: that of GATEHOUSE_REMOTE_API_BASE_URL)")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (default: %(default)s)")
    parser.add_argument("--write-openapi", type=Path, metavar="FILE", help="write the API's description and end")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65536:  # noqa: PLR2004 - what a port is
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _configured_port(settings: Settings) -> int:
    return urlsplit(settings.remote_api_base_url).port or DEFAULT_PORT


def _listen(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError:
        return None


def _serve(app: Application, host: str, listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    server = make_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=listening.fileno())
    signal.signal(signal.SIGTERM, _stop)
    print(f"The remote API listens on http://{host if ':' not in host else f'[{host}]'}:{port}", file=sys.stderr)  # noqa: T201 - a command line prints
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)  # noqa: T201 - a command line prints
    return code


if __name__ == "__main__":
    raise SystemExit(main())
