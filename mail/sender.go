package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// The errors that callers tell apart; all others mean "not now".
var (
	// ErrAddress is returned for a recipient that is not a mail address.
	ErrAddress = errors.New("not a mail address")
	// ErrRefused is returned when the server will never take this message.
	ErrRefused = errors.New("the mail server refused the message")
	// ErrAway is returned when the message may be tried again.
	ErrAway = errors.New("the mail server cannot be used now")
)

// Sender sends mail. It is safe for concurrent use: each message has a
// connection of its own.
type Sender struct{ cfg Config }

// New makes a sender. It connects to nothing.
func New(cfg Config) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Sender{cfg: cfg}, nil
}

// Send hands one message to the server.
func (s *Sender) Send(ctx context.Context, m Message) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("send the mail: %w", ErrAway) // its words may hold the user's name
	}
	return plain(client.DialAndSendWithContext(ctx, msg))
}

func (s *Sender) compose(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	// The library's errors repeat the address.
	if strings.ContainsAny(m.To, "<>\r\n,;") || msg.To(m.To) != nil {
		return nil, ErrAddress
	}
	if err := msg.FromFormat(m.FromName, s.cfg.From); err != nil {
		return nil, errors.New("the sender's name cannot stand in a mail")
	}
	_, domain, _ := strings.Cut(s.cfg.From, "@")
	msg.SetMessageIDWithValue(messageID(domain))
	msg.SetDate()
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	if m.Locale != "" {
		msg.SetGenHeader("Content-Language", m.Locale)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}

func (s *Sender) client(ctx context.Context) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.cfg.port()), gomail.WithTimeout(s.cfg.Timeout), gomail.WithHELO("localhost"),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.cfg.Host, MinVersion: tls.VersionTLS12, RootCAs: s.cfg.Roots}),
		gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, _ string) (net.Conn, error) {
			return s.dial(ctx, dialing, network)
		}),
	}
	switch s.cfg.TLS {
	case TLSImplicit:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS)) // dial has begun it
	case TLSNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.cfg.User != "" {
		auth := gomail.SMTPAuthPlain
		if s.cfg.TLS != TLSStart { // protected by dial, or on loopback: the library sees neither
			auth = gomail.SMTPAuthPlainNoEnc
		}
		options = append(options, gomail.WithSMTPAuth(auth), gomail.WithUsername(s.cfg.User), gomail.WithPassword(string(s.cfg.Password)))
	}
	return gomail.NewClient(s.cfg.Host, options...)
}

// dial opens a connection that ends with the context of its message: the library
// bounds each step by the timeout, and not all of them together.
func (s *Sender) dial(message, ctx context.Context, network string) (net.Conn, error) {
	address := net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.port()))
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if s.cfg.TLS == TLSImplicit {
		secure := tls.Client(conn, &tls.Config{ServerName: s.cfg.Host, MinVersion: tls.VersionTLS12, RootCAs: s.cfg.Roots})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	return &bounded{Conn: conn, stop: context.AfterFunc(message, func() { _ = conn.Close() })}, nil
}

// bounded is a connection that is closed when its context ends.
type bounded struct {
	net.Conn
	stop func() bool
}

// Close closes the connection, once it has stopped waiting for the context.
func (b *bounded) Close() error {
	b.stop()
	return b.Conn.Close()
}

// plain leaves of an error whether it is for good, and the server's code.
func plain(err error) error {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return fmt.Errorf("send the mail: %w", ErrAway)
	}
	kind := ErrAway
	if code := refused.ErrorCode(); code >= 500 && !refused.IsTemp() {
		kind = ErrRefused
	}
	if refused.ErrorCode() == 0 {
		return fmt.Errorf("send the mail: %w", kind)
	}
	return fmt.Errorf("send the mail: %w (code %d)", kind, refused.ErrorCode())
}
