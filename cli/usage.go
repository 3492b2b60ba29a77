package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// help prints what kong prints, with a usage line of our own: in kong's,
// alternatives look as if all of them were required.
func help(options kong.HelpOptions, k *kong.Context) error {
	if command := k.Selected(); command != nil {
		options.NoAppSummary = true
		if _, err := fmt.Fprintln(k.Stdout, "Usage: "+usageLine(command)); err != nil {
			return fmt.Errorf("print the help: %w", err)
		}
	}
	return kong.DefaultHelpPrinter(options, k)
}

// usageLine is a command with what it needs. Of alternatives one is needed; a flag
// with the tag usage is shown as well, and is needed with some of them.
func usageLine(command *kong.Node) string {
	line := []string{command.FullPath()}
	told := map[string]bool{}
	flags := slices.Concat(command.AllFlags(true)...)
	for _, flag := range flags {
		switch {
		case flag.Required && len(flag.Xor) > 0:
			if group := flag.Xor[0]; !told[group] {
				told[group] = true
				line = append(line, "("+strings.Join(alternatives(flags, group), " | ")+")")
			}
		case flag.Required:
			line = append(line, flag.Summary())
		case flag.Tag.Has("usage"):
			line = append(line, "["+flag.Summary()+"]")
		}
	}
	for _, argument := range command.Positional {
		line = append(line, argument.Summary())
	}
	if len(command.Children) > 0 {
		line = append(line, "<command>")
	}
	return strings.Join(append(line, "[flags]"), " ")
}

// alternatives are the flags of a group of which one is given.
func alternatives(flags []*kong.Flag, group string) []string {
	var all []string
	for _, flag := range flags {
		if slices.Contains(flag.Xor, group) {
			all = append(all, flag.Summary())
		}
	}
	return all
}
