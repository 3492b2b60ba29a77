package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// subjectFlags say whom a right is about.
type subjectFlags struct {
	contactFlags
	Reason string `help:"why, and where the papers are; nothing personal" required:"" placeholder:"R"`
}

// effect lets the console put something in force about whom the flags name.
func (f *subjectFlags) effect(ctx context.Context, s streams, verb string, effect map[string]any, out any) error {
	c, identifier, err := f.open(s)
	if err != nil {
		return err
	}
	effect["reason"] = f.Reason
	return c.call(ctx, http.MethodPost, "/sites/"+f.Site+"/contacts:"+verb, map[string]any{"identifier": identifier, "effect": effect}, out)
}

// asked is a request as the console answers it.
type asked struct {
	Request string `json:"request"`
	State   string `json:"state"`
	Error   string `json:"error"`
}

func (a *asked) print(s streams) error {
	line := fmt.Sprintf("request %s: %s", a.Request, a.State)
	if a.Error != "" {
		line += " (" + printable(a.Error) + ")"
	}
	_, err := fmt.Fprintln(s.out, line)
	return err
}

type contactRestrictCmd struct{ subjectFlags }

// Run restricts.
func (f *contactRestrictCmd) Run(ctx context.Context, s streams) error {
	var a asked
	if err := f.effect(ctx, s, "restrict", map[string]any{}, &a); err != nil {
		return err
	}
	return a.print(s)
}

type contactUnrestrictCmd struct{ subjectFlags }

// Run lifts a restriction.
func (f *contactUnrestrictCmd) Run(ctx context.Context, s streams) error {
	var e enforced
	if err := f.effect(ctx, s, "unrestrict", map[string]any{}, &e); err != nil {
		return err
	}
	return e.print(s.out, "not restricted")
}

type contactObjectCmd struct {
	subjectFlags
	Purpose   []string `help:"a purpose that is objected to; may be given several times" placeholder:"P"`
	Marketing bool     `help:"direct marketing: all purposes of that kind"`
}

// Run records an objection.
func (f *contactObjectCmd) Run(ctx context.Context, s streams) error {
	if f.Marketing == (len(f.Purpose) > 0) {
		return errors.New("give --purpose or --marketing")
	}
	var a asked
	effect := map[string]any{"marketing": f.Marketing}
	if len(f.Purpose) > 0 {
		effect = map[string]any{"purposes": f.Purpose}
	}
	if err := f.effect(ctx, s, "object", effect, &a); err != nil {
		return err
	}
	return a.print(s)
}

type contactAutomatedCmd struct {
	On  contactAutomatedOnCmd  `cmd:"" help:"Take an objection to automated decisions back."`
	Off contactAutomatedOffCmd `cmd:"" help:"No decision about the person is left to a machine alone (GDPR Art. 22)."`
}

type automatedAnswer struct {
	Request  *asked    `json:"request"`
	Enforced *enforced `json:"enforced"`
}

func (f *subjectFlags) automated(ctx context.Context, s streams, on bool) error {
	var a automatedAnswer
	if err := f.effect(ctx, s, "automated", map[string]any{"enabled": on}, &a); err != nil {
		return err
	}
	if a.Request != nil {
		return a.Request.print(s)
	}
	if a.Enforced != nil {
		return a.Enforced.print(s.out, "automated decisions "+onOff(on))
	}
	return nil
}

type contactAutomatedOnCmd struct{ subjectFlags }

// Run takes an objection back.
func (f *contactAutomatedOnCmd) Run(ctx context.Context, s streams) error {
	return f.automated(ctx, s, true)
}

type contactAutomatedOffCmd struct{ subjectFlags }

// Run records an objection.
func (f *contactAutomatedOffCmd) Run(ctx context.Context, s streams) error {
	return f.automated(ctx, s, false)
}
