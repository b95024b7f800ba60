from cauce.settings.databases import databases
from cauce.settings.environment import load


def test_without_a_url_the_database_is_the_encrypted_file(tmp_path):
    settings = load({"CAUCE_DATA": str(tmp_path)})
    default = databases(settings)["default"]
    assert (default["ENGINE"], default["NAME"]) == ("cauce.adapters.sqlcipher", tmp_path / "cauce.db")
    assert default["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_url_is_taken_apart_and_its_escapes_undone():
    url = "postgresql://ca%40uce:p%2Fw%3A%20d@db.example:5433/the%20base?sslmode=verify-full&connect_timeout=3"
    default = databases(load({"CAUCE_DATABASE_URL": url}))["default"]
    named = [default[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert named == ["django.db.backends.postgresql", "the base", "ca@uce", "p/w: d", "db.example", "5433"]
    assert default["OPTIONS"] == {
        "connect_timeout": "3",
        "application_name": "cauce",
        "sslmode": "verify-full",
        "options": "-c synchronous_commit=on",
    }


def test_what_a_url_leaves_out_is_left_to_the_client_library():
    default = databases(load({"CAUCE_DATABASE_URL": "postgres:///cauce"}))["default"]
    assert [default[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == ["cauce", "", "", "", ""]
