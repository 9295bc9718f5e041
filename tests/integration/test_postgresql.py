"""The cluster that tests get: databases of their own, and what they hold outlives a stop."""

import psycopg
from servers import PostgreSQL


async def test_each_database_is_empty_and_a_stopped_cluster_keeps_them() -> None:
    async with PostgreSQL() as cluster:
        one, two = cluster.fresh_database(), cluster.fresh_database()
        assert one != two
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE kept (it integer)")
        await cluster.stop()
        try:
            psycopg.connect(one).close()
        except psycopg.OperationalError:
            pass
        else:
            raise AssertionError("it still answers")
        await cluster.start()
        for url, tables in ((one, 1), (two, 0)):
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (tables,)


def test_the_fixture_gives_a_database(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (postgresql_url.rpartition("/")[2],)
