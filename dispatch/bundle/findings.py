"""What was found wrong or doubtful in a bundle, in words, and the notebook that collects it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One thing found in a bundle: a stable English code, a text in both languages, and the place.

    `where` names file, row and field as far as they apply; both texts name the value and the remedy.
    """

    code: str
    message_id: str
    message_en: str
    where: str


@dataclass(frozen=True)
class Findings:
    """The result of a check. Problems refuse a bundle; warnings are shown and do not."""

    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the bundle may be loaded."""
        return not self.problems


class BundleError(Exception):
    """A folder that is no bundle at all, or a bundle that must not be used."""

    def __init__(self, problems: tuple[Finding, ...]) -> None:
        self.problems = problems
        super().__init__(
            "\n".join(f"{found.where}: {found.message_id} / {found.message_en}" for found in problems)
        )


@dataclass
class Notebook:
    """Collects findings in the order they are met, so that one run names all of them."""

    entries: list[Finding] = field(default_factory=list)

    def note(self, code: str, where: str, message_id: str, message_en: str) -> None:
        """Write one finding down."""
        self.entries.append(Finding(code, message_id, message_en, where))
