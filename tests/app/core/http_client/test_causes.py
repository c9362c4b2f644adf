"""The cause of a failed call, by the types of the errors in its chain and never by their text."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
import requests
from urllib3.exceptions import LocationParseError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as PoolTimeout

from app.core.failure_reasons import ProviderReason
from app.core.http_client import AnswerTooLarge, cause_of, was_never_sent


def certificate(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


def caused_by(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AnswerTooLarge(), ProviderReason.TOO_LARGE),
        (requests.HTTPError(), ProviderReason.STATUS),
        (ssl.SSLError(), ProviderReason.TLS),
        (socket.gaierror(), ProviderReason.DNS),
        (ConnectionRefusedError(), ProviderReason.REFUSED),
        (requests.Timeout(), ProviderReason.TIMEOUT),
        (TimeoutError(), ProviderReason.TIMEOUT),
        (PoolTimeout(), ProviderReason.TIMEOUT),
        (requests.exceptions.InvalidURL(), ProviderReason.ENDPOINT),
        (requests.exceptions.InvalidSchema(), ProviderReason.ENDPOINT),
        (requests.exceptions.MissingSchema(), ProviderReason.ENDPOINT),
        (LocationParseError("x"), ProviderReason.ENDPOINT),
        (ValueError(), ProviderReason.NOT_JSON),
        (RecursionError(), ProviderReason.NOT_JSON),
        (ProtocolError(), ProviderReason.BROKEN_OFF),
        (OSError(), ProviderReason.BROKEN_OFF),
        (OSError(errno.ENETUNREACH, ""), ProviderReason.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, ""), ProviderReason.UNREACHABLE),
        (certificate(18), ProviderReason.UNKNOWN_AUTHORITY),
        (certificate(10), ProviderReason.CERTIFICATE_EXPIRED),
        (certificate(9), ProviderReason.CERTIFICATE_AHEAD),
        (certificate(62), ProviderReason.WRONG_HOST),
        (certificate(7), ProviderReason.UNKNOWN_AUTHORITY),
        (KeyError("anything else"), ProviderReason.UNEXPECTED),
        # the innermost cause counts, wherever the libraries keep it
        (caused_by(requests.ConnectionError(), socket.gaierror()), ProviderReason.DNS),
        (requests.ConnectionError(ConnectionRefusedError()), ProviderReason.REFUSED),
        (requests.ConnectionError("text", certificate(62)), ProviderReason.WRONG_HOST),
        (caused_by(requests.Timeout(), ConnectionRefusedError()), ProviderReason.REFUSED),
        # a proxy that fails counts as that, whatever went wrong there
        (caused_by(requests.exceptions.ProxyError(), ConnectionRefusedError()), ProviderReason.PROXY),
        (caused_by(requests.ConnectionError(), requests.exceptions.ProxyError()), ProviderReason.PROXY),
    ],
)
def test_the_cause(error: BaseException, cause: ProviderReason) -> None:
    assert cause_of(error) is cause


def test_a_chain_that_has_no_end_is_cut() -> None:
    first = ValueError()
    last: BaseException = first
    for _ in range(200):
        last = caused_by(KeyError(), last)
    assert cause_of(last) is ProviderReason.UNEXPECTED
    circle = KeyError()
    circle.args = (circle,)
    assert cause_of(circle) is ProviderReason.UNEXPECTED


@pytest.mark.parametrize(
    ("error", "never"),
    [
        (requests.ConnectTimeout(), True),
        (caused_by(requests.ConnectionError(), certificate(18)), True),
        (requests.ConnectionError(NewConnectionError(None, "refused")), True),  # type: ignore[arg-type]
        (requests.ReadTimeout(), False),
        (requests.ConnectionError(ProtocolError()), False),
    ],
)
def test_what_was_never_sent_may_be_sent_again(error: BaseException, never: bool) -> None:
    assert was_never_sent(error) is never
