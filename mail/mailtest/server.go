package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one message as it arrived.
type Mail struct {
	From, To string // of the envelope
	Raw      []byte
}

// Subject returns the subject, decoded.
func (m Mail) Subject(tb testing.TB) string {
	tb.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.header(tb).Header.Get("Subject"))
	if err != nil {
		tb.Fatal(err)
	}
	return subject
}

// Header returns a header as it was written.
func (m Mail) Header(tb testing.TB, name string) string {
	tb.Helper()
	return m.header(tb).Header.Get(name)
}

// Text returns the body, decoded.
func (m Mail) Text(tb testing.TB) string {
	tb.Helper()
	parsed := m.header(tb)
	body := parsed.Body
	if strings.EqualFold(parsed.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func (m Mail) header(tb testing.TB) *mail.Message {
	tb.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		tb.Fatal(err)
	}
	return parsed
}

// Options are how a server behaves.
type Options struct {
	// User and Password are asked for, unless they are empty.
	User, Password string
	// TLS is offered as STARTTLS; with Implicit it is there from the first byte.
	TLS      *tls.Config
	Implicit bool
	// Refuse answers the recipient so, unless it is nil.
	Refuse *smtp.SMTPError
	// Hold keeps every message from being taken until it is closed.
	Hold <-chan struct{}
}

// Server is a server that runs until the test ends.
type Server struct {
	Host string
	Port int

	options Options
	mu      sync.Mutex
	mails   []Mail
	come    chan struct{} // receives whenever a mail has come
}

// Start starts a server on a free port of loopback.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s := &Server{options: options, come: make(chan struct{}, 1)}
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	s.Host, s.Port = "127.0.0.1", address.Port
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{server: s, in: options.User == ""}, nil
	}))
	server.Domain, server.ReadTimeout, server.WriteTimeout = "localhost", 30*time.Second, 30*time.Second
	server.AllowInsecureAuth, server.EnableSMTPUTF8, server.TLSConfig = true, true, options.TLS
	server.ErrorLog = quiet{}
	if options.Implicit {
		listener = tls.NewListener(listener, options.TLS)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // Serve may not have taken it yet
		<-done
	})
	return s
}

// Mails returns what came so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait returns the mails once there are n of them.
func (s *Server) Wait(tb testing.TB, n int) []Mail {
	tb.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if mails := s.Mails(); len(mails) >= n {
			return mails
		}
		select {
		case <-s.come:
		case <-deadline:
			tb.Fatalf("%d mails have come, not %d", len(s.Mails()), n)
		}
	}
}

type session struct {
	server   *Server
	in       bool // logged in
	from, to string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.options.User || password != s.server.options.Password {
			return errors.New("wrong user or password")
		}
		s.in = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refuse := s.server.options.Refuse; refuse != nil {
		return refuse
	}
	s.to = to
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.options.Hold != nil {
		<-s.server.options.Hold
	}
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, Mail{From: s.from, To: s.to, Raw: raw})
	s.server.mu.Unlock()
	select {
	case s.server.come <- struct{}{}:
	default:
	}
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// quiet is the server's log: a test fails by what it sees, not by what is said.
type quiet struct{}

// Printf implements smtp.Logger.
func (quiet) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (quiet) Println(...any) {}
