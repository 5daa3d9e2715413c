import hashlib
import http.server
import threading

import pytest

from charlm import datasets, files
from charlm.config import DataConfig, ReadingConfig
from charlm.datasets import Entry, fetch, read_catalogue, read_corpus, usual_settings
from charlm.errors import CorpusError, DownloadError, TextError
from charlm.tasks.markov import MarkovSource

CONTENT = b"It was a bright cold day.\n" * 5000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the right bytes, and every kind of wrong ones."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        body = {
            "/good": CONTENT,
            "/wrong": CONTENT[::-1],
            "/half": CONTENT[: len(CONTENT) // 2],
            "/long": CONTENT * 2,
            "/cut": CONTENT,
        }.get(self.path)
        if self.path == "/nothing":
            self.connection.close()
            return
        if self.path == "/nonsense":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            return
        if self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"ffff\r\ncut short")
            return
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000] if self.path == "/cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def entry(address, name="sample"):
    return Entry(name, address, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT", "90/10", "a sample")


def test_fetch_keeps_the_right_bytes(address, monkeypatch):
    path = fetch(entry(f"{address}/good"))
    assert path.read_bytes() == CONTENT
    monkeypatch.setattr("urllib.request.urlopen", lambda *_: pytest.fail("it was fetched again"))
    assert fetch(entry(f"{address}/good")) == path


@pytest.mark.parametrize(
    "path, message",
    [
        ("wrong", "has changed .sha256 [0-9a-f]{64}.. It was not kept"),
        ("half", r"65,000 bytes came from .*, 130,000 were expected"),
        ("cut", "1,000 bytes came from|cannot be fetched"),
        ("long", "bytes came from .*, 130,000 were expected"),
        ("nothing", "cannot be fetched"),
        ("nonsense", "cannot be fetched"),
        ("chunked", "cannot be fetched"),
        ("missing", "cannot be fetched from .*: Not Found"),
    ],
)
def test_fetch_refuses_other_bytes_and_keeps_nothing(address, path, message):
    wanted = entry(f"{address}/{path}", name=path)
    with pytest.raises(DownloadError, match=message):
        fetch(wanted)
    assert not wanted.path.exists()
    assert not [leftover for leftover in wanted.path.parent.glob(".*")]


def test_a_server_that_is_not_there():
    with pytest.raises(DownloadError, match="cannot be fetched.*Check the network"):
        fetch(entry("http://127.0.0.1:9/", name="nobody"))


def test_a_damaged_file_in_the_cache_is_fetched_again(address):
    wanted = entry(f"{address}/good", name="damaged")
    files.write_text(wanted.path, "damaged")
    assert fetch(wanted).read_bytes() == CONTENT


def test_the_catalogue():
    catalogue = read_catalogue()
    assert catalogue["tiny-shakespeare"].bytes == 1115394
    for item in catalogue.values():
        assert len(item.sha256) == 64
        assert item.licence
        assert DataConfig(split=item.split)


def read(names, **options):
    return "".join(chunk.text for chunk in read_corpus(names, ReadingConfig(**options)))


def test_a_corpus_of_the_catalogue_is_read_from_the_cache(address, monkeypatch):
    monkeypatch.setattr(datasets, "read_catalogue", lambda: {"sample": entry(f"{address}/good")})
    assert read(["sample"]).encode() == CONTENT
    assert usual_settings(["sample"]) == {"split": "90/10"}
    assert usual_settings(["markov"]) == {}
    assert usual_settings(["english-french"])["tokenizer"] == "bpe"
    assert usual_settings(["english-french", "markov"]) == {}


def test_the_python_manual_is_english_prose():
    text = read(["python-manual"])
    assert 300_000 < len(text) < 1_000_000
    assert text.count(" the ") > 2_000


def test_the_standard_library_is_python():
    chunks = read_corpus(["python-stdlib"], ReadingConfig())
    first = [next(chunks) for _ in range(100)]
    assert all(chunk.is_last for chunk in first)
    assert sum("import" in chunk.text for chunk in first) > 50


def test_a_path_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "markov").write_text("mine")
    assert read(["markov"]) == "mine"
    (tmp_path / "other").write_text(" yours")
    assert read(["markov", str(tmp_path / "markov"), "./markov", "*"]) == "mine yours"


def test_what_is_not_there_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "one").write_text("one")
    with pytest.raises(TextError, match="no file, folder or corpus 'two'"):
        read_corpus([str(tmp_path / "one"), "two"], ReadingConfig())


def test_no_corpus():
    with pytest.raises(CorpusError, match="There is no corpus"):
        read([])


def test_the_markov_source_has_the_entropy_it_says():
    source = MarkovSource(seed=1, alphabet="abcd")
    assert source.stationary.sum() == pytest.approx(1)
    assert source.stationary.min() > 0
    text = source.sample(200_000, seed=2)
    assert source.sample(200_000, seed=2) == text
    assert source.bits(text) / len(text) == pytest.approx(source.bits_per_character, rel=0.01)


def test_a_markov_source_without_choice_or_without_structure():
    even = MarkovSource(alphabet="abcd")
    even.transitions = even.transitions * 0 + 0.25
    assert even.bits_per_character == pytest.approx(2)
