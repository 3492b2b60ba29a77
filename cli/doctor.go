package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zgoda/doctor"
	"zgoda/pseudonym"
	"zgoda/version"
)

type doctorCmd struct {
	keyholderFlags
	Config  string        `help:"configuration file of the system" type:"path" env:"ZGODA_CONFIG" placeholder:"FILE"`
	JSON    bool          `name:"json" help:"as JSON"`
	Offline bool          `help:"ask no process: look at configuration, files and disk alone"`
	Ops     string        `help:"where the gateway's metrics are; left out: what the data folder says, then the configuration" placeholder:"URL"`
	Only    []string      `help:"only these checks, separated by commas" placeholder:"NAME"`
	Timeout time.Duration `help:"how long a check may take, default ${default}" default:"3s"`
}

// Run looks the system over and prints what it found.
func (c *doctorCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Settings == nil {
		return errNoAction
	}
	if c.Timeout <= 0 {
		return usageError{"doctor: --timeout must be above 0"}
	}
	for _, name := range c.Only {
		if !slices.Contains(doctor.Names(), name) {
			return usageError{"doctor: a check is one of " + strings.Join(doctor.Names(), ", ")}
		}
	}
	settings, err := a.Settings(c.Config)
	deps := doctor.Deps{
		Data: c.Data, Version: version.Version(), Offline: c.Offline, Ops: c.ops, Ask: c.ask,
		Settings: func() (doctor.Settings, error) { return settings, err },
	}
	if !c.Offline {
		end, err := c.callers(&deps, settings)
		if err != nil {
			return err
		}
		defer end()
	}
	checks := slices.DeleteFunc(doctor.Checks(deps), func(check doctor.Check) bool { return len(c.Only) > 0 && !slices.Contains(c.Only, check.Name) })
	report := doctor.Run(ctx, checks, c.Timeout)
	report.Version = version.Version()
	if c.JSON {
		err = writeJSON(s.out, report)
	} else {
		err = report.Text(s.out)
	}
	if code := report.Code(); err == nil && code != doctor.CodeHealthy {
		return codeError(code)
	}
	return err
}

// ops is where the gateway tells its metrics.
func (c *doctorCmd) ops() (string, error) {
	if c.Ops != "" {
		return strings.TrimSuffix(c.Ops, "/"), nil
	}
	access, err := ReadAccess(c.Data)
	if errors.Is(err, ErrNotRunning) {
		return "", doctor.ErrNotRunning
	}
	return access.Ops, err
}

// ask asks the console what the gateway finds.
func (c *doctorCmd) ask(ctx context.Context) (answer doctor.Answer, err error) {
	if _, err := ReadAccess(c.Data); errors.Is(err, ErrNotRunning) {
		return answer, doctor.ErrNotRunning
	}
	client, err := c.connect()
	if err != nil {
		return answer, err
	}
	if err = client.call(ctx, http.MethodGet, "/doctor", nil, &answer); err != nil && err.Error() == notRunning(c.Data).Error() {
		err = doctor.ErrNotRunning // its file was left behind
	}
	return answer, err
}

// callers make the clients of the keyholder, as flags and configuration say.
func (c *doctorCmd) callers(deps *doctor.Deps, settings doctor.Settings) (end func(), err error) {
	if c.Keyholder == "" && c.Socket == "" {
		c.Keyholder, c.Cert, c.Socket = settings.KeyholderAddress, cmp.Or(c.Cert, settings.AdminCertificate), settings.AdminSocket
	}
	if c.UID == nil {
		c.UID = settings.KeyholderUID
	}
	admin := c.config("admin.sock")
	if admin.Address != "" && admin.Identity == "" {
		return func() {}, nil // no certificate of the role: said by the checks
	}
	client, err := pseudonym.DialAdministrator(admin)
	if err != nil {
		return nil, fmt.Errorf("reach the keyholder: %w", err)
	}
	deps.Keyholder = keyholderOf{client, admin}
	end = func() { _ = client.Close() } // it has answered or it has not
	rights := admin
	rights.Socket, rights.Identity = settings.RightsSocket, settings.RightsCertificate
	if rights.Address == "" && rights.Socket == "" {
		rights.Socket = filepath.Join(filepath.Dir(admin.Socket), "rights.sock")
	}
	if rights.Address != "" && rights.Identity == "" {
		return end, nil
	}
	people, err := pseudonym.DialRights(rights)
	if err != nil {
		return end, nil //nolint:nilerr // the check keys says less then
	}
	deps.Waiting = func(ctx context.Context) (int, error) {
		list, err := people.Waiting(ctx)
		return len(list), err
	}
	return func() { _ = errors.Join(client.Close(), people.Close()) }, nil
}

// keyholderOf says of a socket that is not there that nothing runs.
type keyholderOf struct {
	*pseudonym.Administrator
	config pseudonym.ClientConfig
}

// Status asks how the keys are.
func (k keyholderOf) Status(ctx context.Context) (pseudonym.Status, error) {
	status, err := k.Administrator.Status(ctx)
	if errors.Is(err, pseudonym.ErrAway) && k.config.Address == "" && !listens(ctx, k.config.Socket) {
		err = doctor.ErrNotRunning
	}
	return status, err
}

// listens says whether somebody listens on a socket.
func listens(ctx context.Context, path string) bool {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", path)
	if err != nil {
		return !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist)
	}
	return conn.Close() == nil
}
