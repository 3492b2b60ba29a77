package runbook_test

import (
	"strings"
	"testing"

	"zgoda/apptest/runbook"
)

const good = `# ZgodaX

Somebody is woken.

## What it means for users

They notice nothing before a limit is met, as [the manual](../operating.md) says.

## What it means for the people protected

Nothing is done with their data that they did not agree to.

## How to look

Each of these commands prints what the gateway says of itself now.

` + "```sh\ncurl one\ncurl two\n```" + `

## What to do

Start it again, wait until it says that it is ready, and look again.

` + "```sh\nstart\n```\n\n```text\nsystemd\n```" + `

## What never to do

Never remove a file of the spool: each event in it was promised to somebody.
`

func TestParse(t *testing.T) {
	p, err := runbook.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	p.Name = "ZgodaX"
	if faults := p.Faults(); len(faults) != 0 {
		t.Errorf("faults of a good page: %q", faults)
	}
	if look := p.Commands(runbook.Look); len(look) != 1 || look[0].Text != "curl one\ncurl two\n" || look[0].Line != 18 {
		t.Errorf("the commands to look: %+v", look)
	}
	if do := p.Commands(runbook.Do); len(do) != 1 || do[0].Text != "start\n" {
		t.Errorf("the commands to do: %+v", do)
	}
	if len(p.Links) != 1 || p.Links[0] != "../operating.md" {
		t.Errorf("links: %q", p.Links)
	}
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct{ from, to, says string }{
		"title":            {"# ZgodaX", "# ZgodaY", "title"},
		"a part is gone":   {"## What never to do\n", "", "parts"},
		"order":            {"## How to look", "## How to look first", "parts"},
		"too little":       {"Never remove a file of the spool: each event in it was promised to somebody.", "Never.", "too little"},
		"nothing to do":    {"```sh\nstart\n```", "", "no command"},
		"another language": {"```text", "```bash", `"bash"`},
		"misplaced":        {"Somebody is woken.", "```sh\nrm\n```", "commands stand under"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := runbook.Parse(strings.Replace(good, c.from, c.to, 1))
			if err != nil {
				t.Fatal(err)
			}
			p.Name = "ZgodaX"
			if got := strings.Join(p.Faults(), "\n"); !strings.Contains(got, c.says) {
				t.Errorf("faults: %q, want one with %q", got, c.says)
			}
		})
	}
	if _, err := runbook.Parse("# X\n```sh\nrm"); err == nil {
		t.Error("a block that is not closed was read")
	}
}
