package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"zgoda/cli"
	"zgoda/config"
	"zgoda/console"
	"zgoda/console/consoletest"
	"zgoda/control"
	"zgoda/doctor"
	"zgoda/rights"
)

// fakeActions print what they were given.
var fakeActions = cli.Actions{
	Up: func(_ context.Context, f cli.UpFlags, out, _ io.Writer) error {
		_, err := fmt.Fprintf(out, "up data=%s public=%s console=%s ops=%s config=%s candidate=%s clickhouse=%s demo=%v\n",
			f.Data, f.Public, f.Console, f.Ops, f.Config, f.Candidate, f.ClickHouse, f.Demo)
		return err
	},
	Serve: func(_ context.Context, f cli.ServeFlags, out, _ io.Writer) error {
		_, err := fmt.Fprintf(out, "serve keyholder=%s clickhouse=%s public=%s candidate=%s\n", f.Keyholder, f.ClickHouse, f.Public, f.Candidate)
		return err
	},
	// The main package does the same.
	Check: func(_ context.Context, f cli.CheckFlags, out, _ io.Writer) error {
		c, err := config.Resolve(config.Settings{}, f.Config, os.LookupEnv)
		if err != nil {
			return err
		}
		return c.Check(out)
	},
	Settings: func(file string) (doctor.Settings, error) {
		c, err := config.Resolve(config.Settings{}, file, os.LookupEnv)
		if err == nil && file != "" {
			err = c.Validate()
		}
		return doctor.Settings{Given: file != "", Secrets: c.SecretFiles()}, err
	},
	Version: "engine 26.7",
}

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"zgoda": func() {
			os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, fakeActions))
		},
		exporter: exportStore,
		measured: runMeasured,
	})
}

// leakChecked looks for goroutines left behind after the tests.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the commands as processes against a console of this process.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("testscript's T is no testing.TB")
			}
			r := consoletest.StartRequests(tb, nil, nil)
			env.Values["running"] = r
			env.Setenv("now", time.Now().UTC().Format(time.RFC3339))
			return cli.WriteAccess(env.WorkDir+"/data", cli.Access{URL: r.URL, Token: r.Local.Reveal(), PID: os.Getpid()})
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"stop":     stop,
			"away":     away,
			"exitcode": exitcode,
			"analyst":  analyst,
			"request":  request,
		},
	})
}

func running(ts *testscript.TestScript) *consoletest.Running {
	r, ok := ts.Value("running").(*consoletest.Running)
	if !ok {
		ts.Fatalf("no console")
	}
	return r
}

// stop ends the console and leaves its file behind, as kill -9 does.
func stop(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(running(ts).Server.Close())
	for { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(running(ts).URL, "http://"))
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// away makes the directory fail.
func away(ts *testscript.TestScript, _ bool, _ []string) { running(ts).Directory.SetAway(true) }

// analyst leaves the access of an analyst in the data folder.
func analyst(ts *testscript.TestScript, _ bool, _ []string) {
	token, err := running(ts).Tokens.CreateToken(context.Background(), console.RoleAnalyst, "anna")
	ts.Check(err)
	ts.Check(cli.WriteAccess(ts.MkAbs("data"), cli.Access{URL: running(ts).URL, Token: token, PID: 1}))
}

// request NAME RIGHT puts the id of the last open request of a right into a variable.
func request(ts *testscript.TestScript, _ bool, args []string) {
	list, err := running(ts).Requests.Store.Requests(context.Background(), control.RequestQuery{
		Rights: []control.Right{control.Right(args[1])}, States: rights.OpenStates(),
	})
	ts.Check(err)
	if len(list) == 0 {
		ts.Fatalf("no request of this right is open")
	}
	ts.Setenv(args[0], list[len(list)-1].ID.String())
}

// exitcode CODE ARGS... runs zgoda in this process and compares the exit code;
// what it wrote is in the files out and err.
func exitcode(ts *testscript.TestScript, _ bool, args []string) {
	var out, errw bytes.Buffer
	code := cli.Run(context.Background(), args[1:], strings.NewReader(""), &out, &errw, fakeActions)
	ts.Check(os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("err"), errw.Bytes(), 0o600))
	if got := fmt.Sprint(code); got != args[0] {
		ts.Fatalf("exit code %s, want %s\n%s%s", got, args[0], out.String(), errw.String())
	}
}
