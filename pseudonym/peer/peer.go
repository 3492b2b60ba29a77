package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// ErrUser is returned for a peer that runs as a user that is not allowed.
var ErrUser = errors.New("the other end of the socket runs as another user")

// errNoSocket is returned for a connection that the kernel knows no user of.
var errNoSocket = errors.New("not a unix socket")

// Info is what is known of a peer. It satisfies credentials.AuthInfo.
type Info struct {
	credentials.CommonAuthInfo

	UID uint32
	PID int32
}

// AuthType names the way the peer was recognised.
func (Info) AuthType() string { return "peercred" }

// Credentials recognise both ends of a unix socket. Make them with Of.
type Credentials struct{ uids []uint32 }

// Of returns credentials that accept the given users, or our own when none is given.
func Of(uids ...uint32) *Credentials {
	if len(uids) == 0 {
		uids = []uint32{uint32(os.Geteuid())}
	}
	return &Credentials{uids: slices.Clone(uids)}
}

// ClientHandshake accepts a server that runs as an allowed user.
func (c *Credentials) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(conn)
}

// ServerHandshake accepts a client that runs as an allowed user.
func (c *Credentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.handshake(conn)
}

func (c *Credentials) handshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cred, err := of(conn)
	if err != nil {
		return nil, nil, fmt.Errorf("tell who is at the other end: %w", err)
	}
	if !slices.Contains(c.uids, cred.Uid) {
		return nil, nil, ErrUser
	}
	return conn, Info{
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		UID:            cred.Uid,
		PID:            cred.Pid,
	}, nil
}

func of(conn net.Conn) (*unix.Ucred, error) {
	sc, ok := conn.(syscall.Conn)
	if _, isUnix := conn.LocalAddr().(*net.UnixAddr); !ok || !isUnix {
		return nil, errNoSocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	return cred, credErr
}

// Info says what the credentials are, for gRPC.
func (*Credentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}

// Clone returns a copy.
func (c *Credentials) Clone() credentials.TransportCredentials { return Of(c.uids...) }

// OverrideServerName does nothing: a socket has no name to check.
func (*Credentials) OverrideServerName(string) error { return nil }
