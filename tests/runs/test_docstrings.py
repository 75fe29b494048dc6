"""What docstrings say, and that `help` says it too."""

import pydoc

from vaejax.models import NVAE
from vaejax.runs.docstrings import arguments, arguments_of, sentence, summary

DOC = """A sentence that
    goes on.

    More.

    Args:
        one: what it is: see
            there. And more.
        two, three: both (of them).
        **others: the rest.

    Returns:
        four: no argument.
    """


def test_a_docstring_is_read():
    assert summary(DOC) == "A sentence that goes on."
    assert arguments(DOC) == {
        "one": "what it is: see there. And more.",
        "two": "both (of them).",
        "three": "both (of them).",
        "others": "the rest.",
    }
    assert sentence("what it is, e.g. this. And more.") == "what it is, e.g. this."
    assert summary(None) == "" and arguments(None) == {} and arguments("Args: none") == {}


def test_of_a_class_what_it_inherits_is_told():
    class Base:
        """A base.

        Attributes:
            one: of the base.
            two: of the base.
        """

    class Derived(Base):
        """Derived.

        Attributes:
            two: its own.
        """

    assert arguments_of(Derived) == {"one": "of the base.", "two": "its own."}


def test_help_says_what_the_attributes_of_nvae_are():
    told = pydoc.plain(pydoc.render_doc(NVAE))
    for name in NVAE.__dataclass_fields__:
        if name not in ("parent", "name"):
            assert f"  {name}: {arguments_of(NVAE)[name][:20]}" in told
