# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium, driven by its DevTools protocol over two pipes.

	with chromium.Browser() as browser:
		page = browser.open("http://127.0.0.1:9752/")
		assert page.run("document.title") == "tapmeter"
"""
import base64
import json
import os
import queue
import shutil
import tempfile
import threading

import lib


class Browser:
	def __init__(self, *flags, width=1440, height=900):
		self.directory = tempfile.mkdtemp(prefix="tapmeter-chromium-")
		self.size = width, height
		self.number = 0
		self.answers, self.pages = {}, {}
		self.lock = threading.Lock()
		from_us, self.to = os.pipe()
		self.fro, to_us = os.pipe()
		self.process = self.start(from_us, to_us, flags)
		os.close(from_us)
		os.close(to_us)
		threading.Thread(target=self.read, daemon=True).start()

	def start(self, from_us, to_us, more):
		"""The browser reads commands from its descriptor 3 and writes to 4."""
		script = f"exec 3<&{from_us} 4>&{to_us}; exec chromium \"$@\""
		flags = [
			"--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
			"--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-dev-shm-usage",
			f"--user-data-dir={self.directory}", *more, "about:blank",
		]
		return lib.spawn(
			["bash", "-c", script, "chromium", *flags],
			pass_fds=(from_us, to_us),
			stdin=lib.subprocess.DEVNULL,
			stdout=lib.subprocess.DEVNULL,
			stderr=lib.subprocess.DEVNULL,
		)

	def read(self):
		"""In a thread of its own: hands answers and events to who waits for them."""
		rest = b""
		while data := os.read(self.fro, 1 << 20):
			*messages, rest = (rest + data).split(b"\0")
			for message in messages:
				self.take(json.loads(message))

	def take(self, message):
		if "id" in message:
			self.answers.pop(message["id"]).put(message)
		elif message.get("sessionId") in self.pages:
			self.pages[message["sessionId"]].take(message["method"], message["params"])

	def call(self, method, session=None, **params):
		answer = queue.Queue()
		with self.lock:
			self.number += 1
			self.answers[self.number] = answer
			message = {"id": self.number, "method": method, "params": params}
			if session:
				message["sessionId"] = session
			data = json.dumps(message).encode() + b"\0"
			while data:
				data = data[os.write(self.to, data):]
		message = answer.get(timeout=30 * lib.PATIENCE)
		if "error" in message:
			raise RuntimeError(f"{method}: {message['error']}")
		return message["result"]

	def open(self, url):
		target = self.call("Target.createTarget", url="about:blank")["targetId"]
		session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
		page = self.pages[session] = Page(self, session)
		for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
			page.call(f"{domain}.enable")
		page.resize(*self.size)
		page.go(url)
		return page

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.process.kill()
		self.process.wait()
		os.close(self.to)
		shutil.rmtree(self.directory, ignore_errors=True)


class Page:
	"""`faults` are errors and warnings on its console; `requests` the addresses that it asked for; `statuses` of the answers, by address."""

	def __init__(self, browser, session):
		self.browser, self.session = browser, session
		self.faults, self.requests, self.answers, self.headers, self.statuses = [], [], [], {}, {}

	def take(self, method, params):
		if method == "Runtime.exceptionThrown":
			self.faults.append(str(params["exceptionDetails"].get("exception", {}).get("description")))
		elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
			self.faults.append(str(params["args"]))
		elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
			self.faults.append("{source}: {text}".format(**params["entry"]))
		elif method == "Network.requestWillBeSent":
			self.requests.append(params["request"]["url"])
		elif method == "Network.responseReceived":
			self.headers[params["response"]["url"]] = params["response"]["headers"]
			self.statuses[params["response"]["url"]] = params["response"]["status"]
			self.answers.append((params["response"]["url"], params["requestId"]))

	def call(self, method, **params):
		return self.browser.call(method, self.session, **params)

	def go(self, url):
		self.call("Page.navigate", url=url)

	def run(self, expression):
		"""The value of an expression of JavaScript; a promise is waited for."""
		result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
		if "exceptionDetails" in result:
			raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
		return result["result"].get("value")

	def wait(self, expression, timeout=20):
		return lib.wait_until(lambda: self.run(expression), timeout)

	def body(self, request):
		answer = self.call("Network.getResponseBody", requestId=request)
		return base64.b64decode(answer["body"]) if answer["base64Encoded"] else answer["body"]

	def press(self, key, code=None, shift=False):
		codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
		text = {"Enter": "\r", " ": " "}.get(key)
		params = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes.get(key, 0), "modifiers": 8 * shift}
		self.call("Input.dispatchKeyEvent", type="keyDown", **params, **({"text": text} if text else {}))
		self.call("Input.dispatchKeyEvent", type="keyUp", **params)

	def type(self, text):
		self.call("Input.insertText", text=text)

	def resize(self, width, height, scale=1):
		self.call(
			"Emulation.setDeviceMetricsOverride",
			width=width, height=height, deviceScaleFactor=scale, mobile=width < 600,
		)

	def prefer(self, scheme):
		self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

	def script_seconds(self):
		"""(of scripts, of everything that the page's thread does) since it was opened."""
		metrics = {m["name"]: m["value"] for m in self.call("Performance.getMetrics")["metrics"]}
		return metrics["ScriptDuration"], metrics["TaskDuration"]

	def picture(self, path, whole=False):
		answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
		with open(path, "wb") as file:
			file.write(base64.b64decode(answer["data"]))
