"""E-mail addresses, telephone numbers and names as traits: the canonical forms of the identity floor."""

from app.domain.normalize.result import EMPTY, Declarations, Json, Normal, Result, Unreadable
from app.identity.normalize.email import email
from app.identity.normalize.name import name
from app.identity.normalize.phone import phone


def email_address(raw: Json, declared: Declarations) -> Result:
    """The address in canonical form, with no provider's rules: a trait is what to write to, not who it is."""
    if not isinstance(raw, str):
        return EMPTY if raw is None else Unreadable("not_text", "An e-mail address is text.")
    read = email(raw)
    if isinstance(read, str):
        return Normal(read)
    return read if raw.strip() else EMPTY


def phone_number(raw: Json, declared: Declarations) -> Result:
    """E.164, followed by `;ext=` where the number has an extension (RFC 3966 section 3)."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw < 10**19:
        raw = str(raw)
    if not isinstance(raw, str):
        return EMPTY if raw is None else Unreadable("not_text", "A telephone number is text.")
    read = phone(raw, declared.region)
    if isinstance(read, Unreadable):
        return read if raw.strip() else EMPTY
    return Normal(f"{read.e164};ext={read.extension}" if read.extension else read.e164)


def personal_name(raw: Json, declared: Declarations) -> Result:
    """The name as its source spells it, without needless blanks."""
    if not isinstance(raw, str):
        return EMPTY if raw is None else Unreadable("not_text", "A name is text.")
    read = name(raw)
    return Normal(read) if isinstance(read, str) else read
