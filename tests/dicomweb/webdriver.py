"""A headless Chromium that a test steers by the W3C WebDriver protocol, through Debian's chromedriver."""

import base64
import contextlib
import subprocess
import time

import httpx

from running_platform import free_port

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver names elements."""


class Browser:
    """One window. Nothing but the loopback addresses can be reached from it."""

    def __init__(self, driver, folder):
        port = free_port()
        self._process = subprocess.Popen(
            [driver, f"--port={port}", f"--log-path={folder / 'chromedriver.log'}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        self._session = ""
        self._await_driver()
        arguments = [
            "--headless=new",
            "--no-sandbox",  # which refuses to be run by root
            "--window-size=1280,800",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--use-angle=swiftshader",  # WebGL without a graphics card
            "--enable-unsafe-swiftshader",
            f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        wanted = {
            "browserName": "chrome",
            "acceptInsecureCerts": True,
            "pageLoadStrategy": "eager",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        made = self._ask("POST", "", capabilities={"alwaysMatch": wanted})
        self._session = f"/{made['sessionId']}"

    def close(self):
        with contextlib.suppress(httpx.HTTPError):
            self._http.delete(f"/session{self._session}")
        self._http.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def open(self, address):
        self._ask("POST", "/url", url=address)

    @property
    def address(self):
        return self._ask("GET", "/url")

    def run(self, script, *arguments):
        """Return what the body of a function in JavaScript returns."""
        return self._ask("POST", "/execute/sync", script=script, args=list(arguments))

    def fill(self, selector, text):
        self._ask("POST", f"/element/{self._find(selector)}/value", text=text)

    def click(self, selector):
        self._ask("POST", f"/element/{self._find(selector)}/click")

    def press(self, key):
        """Press one key, given as WebDriver codes it."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._ask("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    def text(self):
        """Return the text that the page shows."""
        return self.run("return document.body ? document.body.innerText : ''")

    def picture(self):
        """Return the window as a PNG."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def console(self):
        """Return what the page has said of errors since it was last asked."""
        return [line["message"] for line in self._ask("POST", "/se/log", type="browser") if line["level"] == "SEVERE"]

    def await_(self, condition, *, timeout_s=60):
        """Return what a function returns once that is true."""
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < deadline, (self.address, self.text()[:2000], self.console()[:10])
            time.sleep(0.2)
        return found

    def _find(self, selector):
        return self._ask("POST", "/element", using="css selector", value=selector)[_ELEMENT]

    def _ask(self, method, path, **body):
        answer = self._http.request(method, f"/session{self._session}{path}", json=body if method == "POST" else None)
        assert answer.is_success, answer.text[:2000]
        return answer.json()["value"]

    def _await_driver(self):
        deadline = time.monotonic() + 30
        while True:
            assert self._process.poll() is None
            assert time.monotonic() < deadline, "chromedriver did not start"
            with contextlib.suppress(httpx.HTTPError):
                if self._http.get("/status").json()["value"]["ready"]:
                    return
            time.sleep(0.1)
