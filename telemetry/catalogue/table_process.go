package catalogue

var process = group("process", Gateway,
	gauge("zgoda_build_info", "One, with the version that runs.",
		upTo(1, "version", "what runs"), upTo(1, "goversion", "what it was built with")),
	counter("zgoda_child_restarts_total", "Times a child process ended and was started again.",
		by("child", "clickhouse", "keyholder", "kek")),
	gauge("zgoda_child_up", "1 while the child process is ready, else 0.", note("With `zgoda up`; `kek` with a cloud, Vault or token as [key-encryption key](keys.md)."),
		by("child", "clickhouse", "keyholder", "kek")),
	gauge("zgoda_console_requests_running", "Requests to the console that are being answered now."),
	gauge("zgoda_disk_free_bytes", "Free space of the volume that the folder is on.", note("`control` only with SQLite."), by("folder", "data", "spool", "control")),
	gauge("zgoda_disk_size_bytes", "Size of the volume that the folder is on.", by("folder", "data", "spool", "control")),
	counter("zgoda_console_requests_total", "Requests to the console by operation and class of answer.",
		upTo(100, "operation", "the operations of the console's interface"), by("class", "2xx", "3xx", "4xx", "5xx"), sparse),
	histogram("zgoda_console_request_seconds", "Time to answer a request to the console.", []float64{.001, .005, .025, .1, .5, 2.5, 10, 60},
		upTo(100, "operation", "the operations of the console's interface"), sparse),
)
