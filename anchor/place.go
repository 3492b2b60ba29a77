package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Place is somewhere outside where checkpoints are kept.
type Place interface {
	// Name tells places apart, in metrics and in the control store.
	Name() string
	// Every is the shortest time between two checkpoints that the place is given;
	// 0: it gets each.
	Every() time.Duration
	// Put keeps a signed note. It returns once the place has it. Its errors hold
	// no address and no URL.
	Put(ctx context.Context, note []byte) error
}

// File is a file that checkpoints are appended to, best on another machine's
// disk or on one that can only be appended to.
type File struct{ Path string }

// Name implements Place.
func (File) Name() string { return "file" }

// Every implements Place.
func (File) Every() time.Duration { return 0 }

// Put appends the note and returns when it is on disk.
func (f File) Put(_ context.Context, note []byte) error {
	_, err := os.Stat(f.Path)
	made := errors.Is(err, os.ErrNotExist)
	if !made {
		// What a crash has cut off ends here.
		note = append([]byte("\n"), note...)
	}
	if err := write(f.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, note); err != nil {
		return fmt.Errorf("append to the file of checkpoints: %w", withoutPath(err))
	}
	if made {
		return syncFolder(filepath.Dir(f.Path))
	}
	return nil
}

// withoutPath drops the path from an error of a file.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// Mailbox is an address that checkpoints are sent to.
type Mailbox struct {
	Send  func(ctx context.Context, subject, text string) error
	Pause time.Duration
}

// Name implements Place.
func (Mailbox) Name() string { return "mail" }

// Every implements Place.
func (m Mailbox) Every() time.Duration { return m.Pause }

// Put sends the note as the text of a mail.
func (m Mailbox) Put(ctx context.Context, note []byte) error {
	return m.Send(ctx, "Checkpoint of the consent ledger", string(note))
}

// Log is a transparency log that takes notes by HTTP POST.
type Log struct {
	url    string
	client *http.Client
}

// ErrURL is returned for a URL that checkpoints are not sent to.
var ErrURL = errors.New("must be an https URL (http on loopback only) without a user")

// NewLog makes a log at an https URL; http is for loopback only.
func NewLog(address string) (*Log, error) {
	if err := ValidURL(address); err != nil {
		return nil, err
	}
	return &Log{url: address, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// ValidURL says what is wrong with the URL of a log.
func ValidURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return ErrURL
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || ip == nil || !ip.IsLoopback()) {
		return ErrURL
	}
	return nil
}

// Name implements Place.
func (*Log) Name() string { return "log" }

// Every implements Place.
func (*Log) Every() time.Duration { return 0 }

// Put posts the note; the log has it when it answers 2xx.
func (l *Log) Put(ctx context.Context, note []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(note))
	if err != nil {
		return errors.New("make the request to the log")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := l.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return fmt.Errorf("send to the log: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing in it is of use
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("the log answered %d", resp.StatusCode)
	}
	return nil
}

// Close ends idle connections.
func (l *Log) Close() error {
	l.client.CloseIdleConnections()
	return nil
}
