package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// errNoAction means that the main package left a function out.
var errNoAction = errors.New("this binary cannot do that")

type upCmd struct{ UpFlags }

// Run starts everything.
func (c *upCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Up == nil {
		return errNoAction
	}
	return a.Up(ctx, c.UpFlags, s.out, s.errw)
}

type serveCmd struct{ ServeFlags }

// Run runs the gateway alone.
func (c *serveCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Serve == nil {
		return errNoAction
	}
	if c.Keyholder == "" && c.Config == "" {
		return usageError{"serve: give --keyholder SOCKET, or --config FILE with keyholder.address"}
	}
	return a.Serve(ctx, c.ServeFlags, s.out, s.errw)
}

type checkCmd struct{ CheckFlags }

// Run validates a configuration.
func (c *checkCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Check == nil {
		return errNoAction
	}
	return a.Check(ctx, c.CheckFlags, s.out, s.errw)
}

type versionCmd struct{}

// Run prints the version, one fact a line.
func (c *versionCmd) Run(a Actions, s streams) error {
	text := BuildVersion()
	if a.Version != "" {
		text += "\n" + a.Version
	}
	_, err := fmt.Fprintln(s.out, text)
	return err
}

// BuildVersion says what the binary was built from: "zgoda VERSION COMMIT GO".
func BuildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "zgoda devel"
	}
	version, commit, changed := info.Main.Version, "", ""
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = " " + setting.Value[:min(12, len(setting.Value))]
		case "vcs.modified":
			if setting.Value == "true" {
				changed = " (changed)"
			}
		}
	}
	return "zgoda " + version + commit + changed + " " + info.GoVersion
}
