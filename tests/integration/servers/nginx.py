"""nginx: the web server from which the policy hosts of the tests serve their policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .certificates import Certificate
from .server import Server, find_program

CONFIGURATION = """\
daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ }}
http {{
  access_log {directory}/access.log combined;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  types {{ text/plain txt; text/html html; }}
{sites}}}
"""
SITE = """\
  server {{
    listen {address}:{port} ssl;
    server_name {name};
    ssl_certificate {certificate.chain};
    ssl_certificate_key {certificate.key};
    root {directory}/{name};
{settings}  }}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A name that is served, with its certificate, its files by their path, and further lines of its section."""

    name: str
    certificate: Certificate
    files: Mapping[str, str] = field(default_factory=dict)
    settings: Sequence[str] = ()


class Nginx(Server):
    """An nginx that serves these sites over HTTPS, the first also to those that ask for none of them."""

    def __init__(self, sites: Sequence[Site], address: str | None = None, port: int = 0) -> None:
        super().__init__(address, port)
        self._sites = tuple(sites)

    def prepare(self) -> list[str]:
        """Write the configuration and the files."""
        program = find_program("nginx")
        text = ""
        for site in self._sites:
            for path, content in site.files.items():
                file = self.directory / site.name / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
            settings = "".join(f"    {line}\n" for line in site.settings)
            place = {"address": self.address, "port": self.port, "directory": self.directory}
            text += SITE.format(name=site.name, certificate=site.certificate, settings=settings, **place)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(directory=self.directory, sites=text))
        return [program, "-e", str(self.directory / "start.log"), "-c", str(configuration)]
