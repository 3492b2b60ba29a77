package cli

import (
	"context"
	"io"

	"zgoda/doctor"
)

// Actions are the commands that need more than the console's API.
type Actions struct {
	// Up starts everything and returns when ctx has ended and all has drained.
	// It prints the ready line to out.
	Up func(ctx context.Context, flags UpFlags, out, errw io.Writer) error
	// Serve runs the gateway against a given ClickHouse and keyholder.
	Serve func(ctx context.Context, flags ServeFlags, out, errw io.Writer) error
	// Check validates a configuration and prints it without secrets.
	Check func(ctx context.Context, flags CheckFlags, out, errw io.Writer) error
	// Settings reads and validates a configuration ("" for none), and tells where to look.
	Settings func(config string) (doctor.Settings, error)
	// Move copies the control store from its file into PostgreSQL.
	Move func(ctx context.Context, flags MoveFlags, out, errw io.Writer) error
	// Version is what "zgoda version" prints about engine and build beyond what
	// the binary knows of itself; may be empty.
	Version string
	// Restore puts a backup in place of what is there, while nothing runs.
	Restore func(ctx context.Context, f RestoreFlags, out, errw io.Writer) error
}

// GatewayFlags are the flags that zgoda up and zgoda serve have. One that is
// empty was not given: its variable (ZGODA_DATA for data), the configuration file
// and the default come after it, in that order, which the room config sees to.
type GatewayFlags struct {
	Data       string `help:"folder of everything that is kept, default data" placeholder:"DIR"`
	Public     string `help:"address of the public listener, default 127.0.0.1:8080" placeholder:"HOST:PORT"`
	Console    string `help:"address of the console, default 127.0.0.1:8081" placeholder:"HOST:PORT"`
	Ops        string `help:"address of /metrics, /healthz and /readyz, default 127.0.0.1:8082" placeholder:"HOST:PORT"`
	Config     string `help:"configuration file" placeholder:"FILE"`
	Candidate  string `help:"configuration whose policies run beside the live ones, counted and without any effect" placeholder:"FILE"`
	ClickHouse string `name:"clickhouse" help:"DSN of a ClickHouse server; left out: the embedded engine" placeholder:"DSN"`
	Demo       bool   `help:"add the demo site and its page" env:"ZGODA_DEMO"`
	CPUProfile bool   `name:"cpu-profile" help:"serve CPU profiles at /debug/pprof/profile of the operators' listener, which must be on loopback"`
}

// UpFlags are the flags of zgoda up.
type UpFlags struct {
	GatewayFlags
	// PassphraseFD is 3 or more where it is given.
	PassphraseFD int `name:"passphrase-fd" help:"descriptor to read the passphrase of the key-encryption key from (kek.uri passphrase:); left out: asked at the terminal" placeholder:"N"`
}

// ServeFlags are the flags of zgoda serve.
type ServeFlags struct {
	GatewayFlags
	Keyholder string `help:"unix socket of the keyholder; left out: keyholder.address of the configuration" type:"path" env:"ZGODA_KEYHOLDER" placeholder:"SOCKET"`
}

// CheckFlags are the flags of zgoda check.
type CheckFlags struct {
	Config string `help:"configuration file" required:"" type:"path" env:"ZGODA_CONFIG" placeholder:"FILE"`
}

// MoveFlags are the flags of zgoda control move.
type MoveFlags struct {
	Config string `help:"configuration file that names the database, as the gateway will have it" type:"path" env:"ZGODA_CONFIG" placeholder:"FILE"`
	Data   string `help:"data folder of the stopped gateway, default data" placeholder:"DIR"`
}
