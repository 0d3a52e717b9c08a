"""What a deployment can set, read from the environment once."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PUSH_SERVICES = (
    "https://fcm.googleapis.com",
    "https://*.push.services.mozilla.com",
    "https://*.push.apple.com",
    "https://*.notify.windows.com",
)
"""Where browsers have their push messages from. The server sends to no other address that a browser names."""


class Settings(BaseSettings):
    """Settings of one deployment; every name can be set as an environment variable.

    `DATABASE_URL` is the owner's connection (migrations, tenants), `DATABASE_APP_URL` the application's
    login, which must be neither owner nor superuser. Both are `postgresql://` URLs. `web_dir` holds the built
    pages. `rehearsal` off leaves the training tenant as quiet as it is. `servers` is how many serving
    processes `dispatch run` keeps, on `port` and the next free ones; deploy/haproxy.cfg is the door to them.
    `paper` off prints no paper board; one has `paper_forms` blank forms, and those of the last
    `paper_keep_minutes` are kept.

    `tls` says whether HTTPS is served on the local network; left open it is, once certificates are made or
    given. `tls_cert` and `tls_key` are PEM files of a certificate from elsewhere. An empty `tls_host` means
    every address of this machine, for HTTPS and for the page that enrols phones.
    """

    model_config = SettingsConfigDict(
        env_prefix="SEMAR_", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    database_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_URL"))
    database_app_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_APP_URL"))
    redis_url: str = Field(default="", validation_alias=AliasChoices("REDIS_URL"))
    run_dir: Path = Path(".run")
    host: str = "127.0.0.1"
    port: int = 8000
    servers: int = Field(default=1, ge=1, le=16)
    registry_url: str = ""
    registry_user: str = ""
    registry_password: str = ""
    registry_threshold: int = 90
    master_key_file: Path | None = None
    lookup_key_file: Path | None = None
    checkpoint_key_file: Path | None = None
    checkpoint_folder: Path | None = None  # better on another disk than the database's
    paper: bool = True
    paper_dir: str = ""  # one folder, or several with colons between them: a stick, a share
    paper_forms: int = Field(default=12, ge=0, le=99)
    paper_keep_minutes: int = Field(default=60, ge=1, le=1440)
    sms_spool: Path | None = None  # folder of gammu-smsd's files service; without one, files are written
    push_key_file: Path | None = None
    push_contact: str = ""  # `mailto:` or `https:` address by which push services reach who runs this
    push_origins: tuple[str, ...] = PUSH_SERVICES
    pool_size: int = 10
    rehearsal: bool = True
    tls: bool | None = None
    tls_host: str = ""
    tls_port: int = 8443
    tls_cert: Path | None = None
    tls_key: Path | None = None
    enrol_port: int = 8080
    web_dir: Path = Path(__file__).resolve().parents[1] / "web" / "dist"

    @property
    def master_key_path(self) -> Path:
        """File with the 32-byte key (hex) that wraps every person's key."""
        return self.master_key_file or self.run_dir / "secrets" / "master.key"

    @property
    def lookup_key_path(self) -> Path:
        """File with the 32-byte key (hex) of the keyed hashes used for look-ups."""
        return self.lookup_key_file or self.run_dir / "secrets" / "lookup.key"

    @property
    def checkpoint_key_path(self) -> Path:
        """File with the 32-byte key (hex) that signs checkpoints of the event logs."""
        return self.checkpoint_key_file or self.run_dir / "secrets" / "checkpoint.key"

    @property
    def push_key_path(self) -> Path:
        """File with the 32 bytes (hex) that make the key of push messages; phones subscribe to that key."""
        return self.push_key_file or self.run_dir / "secrets" / "push.key"

    @property
    def checkpoints_dir(self) -> Path:
        """Folder of the signed checkpoints."""
        return self.checkpoint_folder or self.run_dir / "checkpoints"

    @property
    def erasures_path(self) -> Path:
        """File with every erasure so far: to be erased again after a restore. Keep copies of it."""
        return self.checkpoints_dir / "erasures.jsonl"

    @property
    def paper_dirs(self) -> list[Path]:
        """Folders that get the paper board every minute, each with one folder a regency; none: it is off."""
        if not self.paper:
            return []
        named = [Path(part) for part in self.paper_dir.split(os.pathsep) if part]
        return [folder.absolute() for folder in named or [self.run_dir / "paper"]]

    @property
    def stores_dir(self) -> Path:
        """Folder of the built road networks."""
        return self.run_dir / "stores"

    @property
    def accounts_path(self) -> Path:
        """File with the demo accounts of training tenants."""
        return self.run_dir / "accounts.json"


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return Settings()
