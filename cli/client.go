package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	dialTimeout = 2 * time.Second
	callTimeout = 30 * time.Second
	maxAnswer   = 64 << 20 // of an answer that is read whole
)

// dataFlag names the folder of the running system.
type dataFlag struct {
	Data string `help:"folder of the running system, default ${default}" default:"data" type:"path" env:"ZGODA_DATA" placeholder:"DIR"`
}

// siteFlag names a site.
type siteFlag struct {
	Site string `help:"the site's id" required:"" env:"ZGODA_SITE" placeholder:"S"`
}

// client calls the console of the running system.
type client struct {
	data   string
	access Access
	http   *http.Client
}

func (d dataFlag) connect() (*client, error) {
	access, err := ReadAccess(d.Data)
	if errors.Is(err, ErrNotRunning) {
		return nil, notRunning(d.Data)
	}
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &client{data: d.Data, access: access, http: &http.Client{
		// No proxy: the token goes to the console and nowhere else.
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func notRunning(data string) error {
	return fmt.Errorf("Zgoda is not running in %s: start it with `zgoda up`", data) //nolint:staticcheck // a sentence for people
}

// do sends one request and returns the answer if its status is 2xx; the caller
// closes its body.
func (c *client) do(ctx context.Context, method, path, mediaType string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.access.URL+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request to the console: %w", err)
	}
	if len(body) == 0 {
		mediaType = ""
	}
	return c.send(req, mediaType)
}

// send sends a request with the console's token.
func (c *client) send(req *http.Request, mediaType string) (*http.Response, error) {
	req.Header.Set("Authorization", "Bearer "+c.access.Token)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := c.http.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, notRunning(c.data)
	case err != nil:
		return nil, fmt.Errorf("call the console: %w", withoutURL(err))
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		defer resp.Body.Close() //nolint:errcheck // the answer is an error already
		return nil, readProblem(resp)
	}
	return resp, nil
}

// withoutURL drops the URL that net/http puts before its errors: the path names
// a contact's handle.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

var errUnread = errors.New("the console's answer cannot be read")

// problemError is the console's refusal, in its words.
type problemError string

func (e problemError) Error() string { return string(e) }

func readProblem(resp *http.Response) error {
	var p struct {
		Title, Detail string
		Errors        []struct{ Field, Reason string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p); err != nil {
		return problemError(fmt.Sprintf("the console answered %d", resp.StatusCode))
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for i, e := range p.Errors {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		text += sep + strings.TrimPrefix(strings.TrimPrefix(e.Field, "body."), "path.") + " " + e.Reason
	}
	return problemError(text)
}

// call sends in as JSON (nil: no body) and reads the answer into out (nil: drops it).
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("write the request to the console: %w", err)
		}
	}
	resp, err := c.do(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return errUnread
	}
	return nil
}

// writeJSON prints what a command put together itself.
func writeJSON(out io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return printJSON(out, raw)
}
