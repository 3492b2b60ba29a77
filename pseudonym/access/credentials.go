package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc/credentials"
	grpcpeer "google.golang.org/grpc/peer"

	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/peer"
	"zgoda/pseudonym/role"
)

// info is what is known of a caller after the handshake.
type info struct {
	credentials.CommonAuthInfo

	caller role.Caller
	until  time.Time // zero: no end
}

// AuthType names the way the caller was recognised.
func (info) AuthType() string { return "zgoda" }

// From returns who makes a call.
func From(ctx context.Context) (role.Caller, bool) {
	i, ok := infoOf(ctx)
	return i.caller, ok
}

func infoOf(ctx context.Context) (info, bool) {
	p, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return info{}, false
	}
	i, ok := p.AuthInfo.(info)
	return i, ok && i.caller.Role != role.None
}

// Listen marks what a unix socket accepts as callers of a role, if they run as
// one of the users; none: our own.
func Listen(l net.Listener, r role.Role, uids ...uint32) net.Listener {
	return listener{l, r, slices.Clone(uids)}
}

type listener struct {
	net.Listener

	role role.Role
	uids []uint32
}

// Accept returns the next connection, with its role.
func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errNoRole, conn.Close())
	}
	return &marked{UnixConn: u, role: l.role, uids: l.uids}, nil
}

// marked is a connection that came in by the socket of a role.
type marked struct {
	*net.UnixConn

	role role.Role
	uids []uint32
}

var errNoRole = errors.New("the connection came in by no socket of a role")

// Refused is told of callers that were turned away before they could call.
type Refused func(r role.Role, why Why)

// Sockets recognises callers by the socket that they came in by and the user
// that they run as.
func Sockets(refused Refused) credentials.TransportCredentials { return sockets{refused} }

type sockets struct{ refused Refused }

// ServerHandshake accepts a caller that runs as an allowed user.
func (s sockets) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	m, ok := conn.(*marked)
	if !ok {
		return nil, nil, errNoRole
	}
	_, who, err := peer.Of(m.uids...).ServerHandshake(m)
	if err != nil {
		s.refused(m.role, WhyPeer)
		return nil, nil, err
	}
	return m, info{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		caller:         role.Caller{Role: m.role, Name: fmt.Sprintf("socket:%d", who.(peer.Info).UID)},
	}, nil
}

// Certificates recognises callers by their certificates, over TCP. Those that
// are barred are refused whatever their certificates say.
func Certificates(a *authority.Authority, refused Refused, barred ...role.Caller) credentials.TransportCredentials {
	return certificates{a, refused, slices.Clone(barred)}
}

type certificates struct {
	authority *authority.Authority
	refused   Refused
	barred    []role.Caller
}

var errBarred = errors.New("the holder of the certificate is barred")

// ServerHandshake accepts a caller whose certificate is in force.
func (c certificates) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	i := info{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}
	var wrong error
	conn := tls.Server(raw, c.authority.TLS(func(cert *x509.Certificate) error {
		i.caller, i.until, wrong = c.authority.Verify(cert)
		if wrong == nil && slices.Contains(c.barred, i.caller) {
			wrong = errBarred
		}
		return wrong
	}))
	// The deadline of the handshake is the connection's, which gRPC sets.
	err := conn.HandshakeContext(context.Background())
	if err == nil && conn.ConnectionState().NegotiatedProtocol != "h2" {
		err = errors.New("the caller speaks another protocol")
	}
	if err != nil {
		c.refused(i.caller.Role, whyOf(wrong))
		return nil, nil, errors.Join(fmt.Errorf("handshake: %w", err), raw.Close())
	}
	i.caller.Name = "cert:" + i.caller.Name
	return conn, i, nil
}

func whyOf(wrong error) Why {
	switch {
	case errors.Is(wrong, authority.ErrExpired):
		return WhyExpired
	case wrong != nil:
		return WhyCertificate
	default:
		return WhyHandshake // none, or no TLS at all
	}
}

var errServer = errors.New("the keyholder's credentials are not a caller's")

// ClientHandshake fails: these are a server's.
func (sockets) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errServer
}

// Info says what the credentials are, for gRPC.
func (sockets) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}

// Clone returns a copy.
func (s sockets) Clone() credentials.TransportCredentials { return s }

// OverrideServerName does nothing.
func (sockets) OverrideServerName(string) error { return nil }

// ClientHandshake fails: these are a server's.
func (certificates) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errServer
}

// Info says what the credentials are, for gRPC.
func (certificates) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone returns a copy.
func (c certificates) Clone() credentials.TransportCredentials { return c }

// OverrideServerName does nothing.
func (certificates) OverrideServerName(string) error { return nil }
