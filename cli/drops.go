package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

type dropsCmd struct {
	dataFlag
	siteFlag
	MessageID string `name:"message-id" required:"" help:"the event's messageId, as it was sent; - reads it from standard input" placeholder:"ID"`
	Format    string `help:"text or JSON" enum:"text,JSON" default:"text" placeholder:"FORMAT"`
}

// maxMessageID bounds what is read from standard input.
const maxMessageID = 1024

type droppedEvent struct {
	Time, Fate, Reason, Scope, Told string
	Policy                          uint32 `json:"policy_version"`
	Purposes                        []struct{ Purpose, Outcome, By string }
}

// Run tells why an event was not stored.
func (f *dropsCmd) Run(ctx context.Context, s streams) error {
	id := f.MessageID
	if id == "-" {
		b, err := readAtMost(s.in, maxMessageID)
		if err != nil {
			return fmt.Errorf("read the messageId: %w", err)
		}
		id = strings.TrimSpace(string(b))
	}
	c, err := f.connect()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	err = c.call(ctx, http.MethodPost, "/sites/"+url.PathEscape(f.Site)+"/drops:find", map[string]string{"messageId": id}, &raw)
	if err != nil {
		return err
	}
	if f.Format == "JSON" {
		return printJSON(s.out, raw)
	}
	return printDrops(s.out, raw)
}

func printDrops(out io.Writer, raw []byte) error {
	var answer struct {
		Words string
		Found []droppedEvent
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return errUnread
	}
	var b bytes.Buffer
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("%s", answer.Words)
	for _, d := range answer.Found {
		fate := "not stored"
		switch d.Reason {
		case "":
		case "erased":
			fate += ": erased, it is somebody's who was erased after it happened"
		default:
			fate += ": " + d.Reason
		}
		if d.Scope != "" {
			fate = "stored in scope " + d.Scope + ", for less than all purposes"
		}
		line("%s: %s (policy version %d).", d.Time, fate, d.Policy)
		for _, p := range d.Purposes {
			line("  %s: %s by %s", p.Purpose, p.Outcome, p.By)
		}
		if len(d.Purposes) == 0 {
			line("  The policy has changed since, so its purposes are not named.")
			continue
		}
		line("  Told to the sender: X-Consent-Decision: %s", d.Told)
	}
	_, err := out.Write(b.Bytes())
	return err
}
