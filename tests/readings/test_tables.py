import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.core.errors import InvalidRequest
from cauce.readings.tables import read_table


@pytest.fixture
def table(tmp_path):
    def read(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path)

    return read


def test_mean_and_sample_deviation_of_a_known_table(table):
    read = table("id,a,b\nx1,2 ,1\nx2, 4,\nx3,4,3\nx4,4,\nx5,5,\nx6,5,\nx7,7,\nx8,9,\n")
    assert (read.rows, [column.name for column in read.columns]) == (8, ["id", "a", "b"])
    name, a, b = read.columns
    assert (name.is_numeric, name.first_text, name.mean) == (False, 1, None)
    assert (a.is_numeric, a.count, a.mean) == (True, 8, 5.0)
    assert a.deviation == pytest.approx(math.sqrt(32 / 7))
    assert (b.count, b.mean, b.deviation) == (2, 2.0, pytest.approx(math.sqrt(2)))
    assert [column.name for column in read.numeric] == ["a", "b"]


@pytest.mark.parametrize("parted", ["a;b\n1;2\n", "a\tb\n1\t2\n", '\ufeffa,b\r\n"1","2"\r\n', "\n a , b\n1,2\n\n"])
def test_delimiters_quotes_line_ends_and_blank_lines(table, parted):
    read = table(parted)
    assert [(column.name, column.mean, column.deviation) for column in read.columns] == [
        ("a", 1.0, None),
        ("b", 2.0, None),
    ]


def test_a_delimiter_between_quotes_parts_nothing(table):
    read = table('"a;b;c",d\n1,2\n')
    assert [column.name for column in read.columns] == ["a;b;c", "d"]


def test_the_largest_numbers_have_a_mean_and_a_deviation_if_it_is_a_number(table):
    a, b, c = table("a,b,c\n1e308,1.7e308,3e300\n1e308,-1.7e308,1e300\n").columns
    assert (a.mean, a.deviation) == (1e308, 0.0)
    assert (b.mean, b.deviation) == (0.0, None)
    assert (c.mean, c.deviation) == (pytest.approx(2e300), pytest.approx(math.sqrt(2) * 1e300))


def test_a_column_with_a_text_among_its_numbers_says_which_row(table):
    read = table("a,b\n1,1\nx,2\n3,3\n")
    assert [(column.is_numeric, column.first_text) for column in read.columns] == [(False, 2), (True, None)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "no rows"),
        ("a,b\nx,y\n", r"no column of numbers: .* in row 1, column 1 \('a'\), and a comma parts cells"),
        ("a;b\n1;x\ny;2\n", r"in row 1, column 2 \('b'\), and a semicolon parts cells"),
        ('a\tb\n \t""\n', "is empty|has a header and no rows"),
        ("a,b\n1,2\n3\n", "row 2 has 1 cells, the header has 2"),
        ("a,b\n1,2,3\n", "row 1 has 3 cells"),
        ("a\nnan\ninf\n", "no column of numbers"),
        ("a\n1_000\n", "no column of numbers"),
        ('a,b\n"1,2\n', "is not a CSV file: line 2"),
        (b"a,b\n1,\xff\n", "is not UTF-8 text: byte 7"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8"),
        (b"a,b\n1,\x00\n", "no text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_the_reason(table, content, words):
    with pytest.raises(InvalidRequest, match=words):
        table(content)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")


@settings(max_examples=60, deadline=None)
@given(content=st.one_of(st.binary(max_size=200), st.text(alphabet='a1,;\n\r"\t .', max_size=80).map(str.encode)))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    path.write_bytes(content)
    try:
        table = read_table(path)
    except InvalidRequest:
        return
    assert table.rows >= 1
    assert all(math.isfinite(column.mean) for column in table.numeric if column.mean is not None)
