"""ELASTICSEARCH_URL → a client, and the client's errors → ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from elastic_transport import NodeConfig
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    SerializationError,
    SSLError,
    TransportError,
    UnsupportedProductError,
)

from core.errors import ConfigError, StoreUnavailable

FORM = "https://user:password@host:9200/?ca=/path/to/ca.pem, or ?api_key_file=/path in place of user and password"
OPTIONS = frozenset({"ca", "api_key_file"})


def client(url: str, timeout_s: float) -> Elasticsearch:
    """Connects with the first call, not here. https is verified: against `ca`, or against the system's authorities."""
    try:
        parts = urlsplit(url)
        port = parts.port or 9200
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:  # does not repeat the URL, which may hold a password
        raise ConfigError(f"ELASTICSEARCH_URL cannot be read; write {FORM}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"ELASTICSEARCH_URL must begin with http:// or https:// and name a host; write {FORM}")
    unknown = sorted(set(given) - OPTIONS)
    if unknown:
        raise ConfigError(f"ELASTICSEARCH_URL: no option is called {unknown[0]!r}; known: {', '.join(sorted(OPTIONS))}")
    node = NodeConfig(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        path_prefix=parts.path.rstrip("/"),
        ca_certs=_ca(parts.scheme, given),
    )
    return Elasticsearch(
        [node],
        basic_auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username else None,
        api_key=_secret(given["api_key_file"]) if "api_key_file" in given else None,
        request_timeout=timeout_s,
        max_retries=1,  # at once, for a connection that died unnoticed; whoever calls tries again later
        retry_on_status=(),
    )


def _ca(scheme: str, given: Mapping[str, str]) -> str | None:
    if "ca" not in given:
        return None
    if scheme != "https":
        raise ConfigError("ELASTICSEARCH_URL: a certificate authority (ca) goes with https://, not with http://")
    if not Path(given["ca"]).is_file():
        raise ConfigError(f"ELASTICSEARCH_URL: there is no certificate file {given['ca']}; check the path after ca=")
    return given["ca"]


def _secret(path: str) -> str:
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"ELASTICSEARCH_URL: the API key file {path} cannot be read; check api_key_file") from error
    if not secret:
        raise ConfigError(f"ELASTICSEARCH_URL: the API key file {path} is empty")
    return secret


@contextmanager
def translated() -> Iterator[None]:
    """Around each public method. Reasons never repeat what was sent: it may be an address or a person's id."""
    try:
        yield
    except UnsupportedProductError as error:
        raise ConfigError("what answers at ELASTICSEARCH_URL is not Elasticsearch; check host and port") from error
    except AuthenticationException as error:
        raise ConfigError(
            "Elasticsearch refuses the password or API key (401); check them in ELASTICSEARCH_URL"
        ) from error
    except AuthorizationException as error:
        if error_type(error.body) == "security_exception":
            raise ConfigError(
                "Elasticsearch does not let this user do that (403); give it all rights on our indices"
            ) from error
        raise unavailable(error_type(error.body)) from error
    except ApiError as error:
        raise unavailable(f"{error.meta.status} {error_type(error.body)}") from error
    except SSLError as error:
        raise ConfigError(
            f"the certificate of Elasticsearch was not accepted ({error}); name its authority in ELASTICSEARCH_URL with ?ca=/path"
        ) from error
    except SerializationError as error:  # a proxy's page, for instance; the error's own words repeat it
        raise unavailable("its answer is no JSON") from error
    except TransportError as error:
        raise unavailable(str(error)) from error


def unavailable(reason: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"Elasticsearch does not answer as it should ({reason}); check ELASTICSEARCH_URL and the server"
    )


def error_type(body: Any) -> str:
    """Of an answer that says what went wrong, or of an item of one. `body` is whatever JSON came."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return str(error.get("type", "")) if isinstance(error, Mapping) else ""
