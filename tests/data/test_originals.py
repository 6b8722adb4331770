import pytest

from gluon_lstm.data.originals import (
    POLARITIES,
    SENTIMENTS,
    read_questions,
    read_reviews,
    read_sentences,
    read_trees,
)


def test_questions():
    content = b"DESC:manner How did it begin ?\nLOC:city Which sister\xf0city : B ?\r\n\nABBR:exp What is J.F.K. ?"
    assert read_questions(content) == [
        ("How did it begin ?", "DESC"),
        ("Which sister city : B ?", "LOC"),
        ("What is J.F.K. ?", "ABBR"),
    ]


@pytest.mark.parametrize("line", [b"How did it begin ?", b"DESC:manner", b":manner How ?", b"DESC How ?"])
def test_what_is_no_question(line):
    with pytest.raises(ValueError, match="line 2 is not a label, a space and a question"):
        read_questions(b"DESC:manner How ?\n" + line)


TREES = "\n".join(
    [
        "(3 (2 It) (3 (4 works) (2 .)))",
        "(2 (2 -LRB-) (2 (2 and\\/or) (2 (2 \\*) (2 -RRB-))))",
        "(0 (1 Rôle) (0 8\xa01\\/2))",
        "(4 (3 so) (4 good))",
        "(1 bad)",
        "",
    ]
)


def test_trees():
    assert read_trees(TREES.encode(), SENTIMENTS) == [
        ("It works .", "positive"),
        ("( and/or * )", "neutral"),
        ("Rôle 8\xa01/2", "very negative"),
        ("so good", "very positive"),
        ("bad", "negative"),
    ]


def test_trees_of_two_classes_leave_out_the_neutral_ones():
    assert read_trees(TREES.encode(), POLARITIES) == [
        ("It works .", "positive"),
        ("Rôle 8\xa01/2", "negative"),
        ("so good", "positive"),
        ("bad", "negative"),
    ]


@pytest.mark.parametrize("line", ["It works", "(5 (2 It) (2 works))", "(2 (2 It) (2 works)", "(2 )", "3\tIt works"])
def test_what_is_no_tree(line):
    with pytest.raises(ValueError, match="line 2 is not a tree"):
        read_trees(f"(2 It)\n{line}\n".encode(), SENTIMENTS)


def test_trees_that_are_not_utf8():
    with pytest.raises(ValueError, match="utf-8"):
        read_trees(b"(2 R\xf4le)", SENTIMENTS)


def test_sentences():
    content = b"a clich\xe9 \x97 no more . \n\n it is \x85 so-so \nan \x81 odd \xe9 byte \r\nlast"
    assert read_sentences(content, "negative") == [
        ("a cliché — no more .", "negative"),
        ("it is … so-so", "negative"),
        ("an \x81 odd é byte", "negative"),
        ("last", "negative"),
    ]


def test_reviews():
    members = {
        "aclImdb/train/pos/2_9.txt": "Très bon.<br /><br />\x96 Go!".encode(),
        "aclImdb/train/neg/10_1.txt": b" Bad.\t",
        "aclImdb/train/neg/9_2.txt": b"Worse.",
        "aclImdb/test/pos/0_10.txt": b"Good.",
    }
    assert read_reviews(members) == {
        "train": [(" Bad.\t", "negative"), ("Worse.", "negative"), ("Très bon.<br /><br />\x96 Go!", "positive")],
        "test": [("Good.", "positive")],
    }


def test_a_review_that_is_not_utf8():
    with pytest.raises(ValueError, match="utf-8"):
        read_reviews({"aclImdb/train/pos/2_9.txt": b"Tr\xe8s"})
