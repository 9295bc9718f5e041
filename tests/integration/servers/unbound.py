"""Unbound: the resolver of the tests, validating or not, that knows the test zones and asks nobody else."""

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from typing import Self

from .knot import Knot
from .server import Server, find_program

CONFIGURATION = """\
server:
  interface: {address}@{port}
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  log-servfail: yes
  val-log-level: 2
  ede: yes
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "{modules}"
{server}{extra}
remote-control:
  control-enable: yes
  control-interface: {directory}/control.sock
  control-use-cert: no
"""


class Unbound(Server):
    """A resolver for ``stubs``: zones and the address and port of their server. All other names it refuses, unasked.

    With ``trust_anchors``, DS records in text, it validates; without, nothing is secure. ``validating=False`` takes the
    validator out: the AD bit never comes. ``settings`` are further lines of the server section.
    """

    def __init__(
        self,
        stubs: Mapping[str, tuple[str, int]],
        address: str | None = None,
        port: int = 0,
        *,
        trust_anchors: Sequence[str] = (),
        validating: bool = True,
        settings: Sequence[str] = (),
    ) -> None:
        super().__init__(address, port)
        self._stubs = dict(stubs)
        self._trust_anchors = tuple(trust_anchors)
        self._validating = validating
        self._settings = tuple(settings)

    @classmethod
    def of(
        cls,
        knot: Knot,
        address: str | None = None,
        port: int = 0,
        *,
        validating: bool = True,
        settings: Sequence[str] = (),
    ) -> Self:
        """Make the resolver of a Knot that runs already: its zones and trust anchors."""
        stubs = {name.to_text(): (knot.address, knot.port) for name in knot.zones}
        anchors = knot.trust_anchors
        return cls(stubs, address, port, trust_anchors=anchors, validating=validating, settings=settings)

    def prepare(self) -> list[str]:
        """Write the configuration."""
        program = find_program("unbound")
        # Names under the zones pass; Unbound's own answers for names like test. and 10.in-addr.arpa. give way to them.
        server = [f'local-zone: "{zone}" transparent' for zone in self._stubs]
        if "." not in self._stubs:
            server.append('local-zone: "." refuse')
        server += [f'trust-anchor: "{anchor}"' for anchor in self._trust_anchors]
        stubs = [f'stub-zone:\n  name: "{zone}"\n  stub-addr: {address}@{port}\n' for zone, (address, port) in self._stubs.items()]
        configuration = self.directory / "unbound.conf"
        text = CONFIGURATION.format(
            address=self.address,
            port=self.port,
            directory=self.directory,
            modules="validator iterator" if self._validating else "iterator",
            server="".join(f"  {line}\n" for line in server),
            extra="".join(f"  {line}\n" for line in self._settings),
        )
        configuration.write_text(text + "".join(stubs))
        return [program, "-d", "-p", "-c", str(configuration)]

    async def control(self, *command: str) -> str:
        """Run unbound-control, for instance ``flush_zone .`` to forget all answers."""
        program = [find_program("unbound-control"), "-c", str(self.directory / "unbound.conf"), *command]
        done = await asyncio.to_thread(subprocess.run, program, capture_output=True, text=True, check=False, timeout=20)
        if done.returncode:
            raise RuntimeError(f"unbound-control {' '.join(command)} failed: {done.stdout}{done.stderr}")
        return done.stdout
