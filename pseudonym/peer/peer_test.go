package peer

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/credentials"
)

// pair returns both ends of a connection over the network given.
func pair(t *testing.T, network, address string) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err = net.Dial(network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}

func TestHandshake(t *testing.T) {
	us := uint32(os.Geteuid())
	tests := map[string]struct {
		uids []uint32
		want error
	}{
		"ourselves":          {nil, nil},
		"ourselves by name":  {[]uint32{us}, nil},
		"one of several":     {[]uint32{us + 1, us}, nil},
		"another user alone": {[]uint32{us + 1}, ErrUser},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, server := pair(t, "unix", filepath.Join(t.TempDir(), "s"))
			c := Of(test.uids...).Clone()
			if _, _, err := c.ClientHandshake(t.Context(), "", client); !errors.Is(err, test.want) {
				t.Errorf("client: %v", err)
			}
			_, info, err := c.ServerHandshake(server)
			if !errors.Is(err, test.want) {
				t.Errorf("server: %v", err)
			}
			if err != nil {
				return
			}
			got, ok := info.(Info)
			if !ok || got.UID != us || got.PID != int32(os.Getpid()) || got.SecurityLevel != credentials.PrivacyAndIntegrity {
				t.Errorf("info %+v", info)
			}
		})
	}
}

func TestOtherNetworksAreRefused(t *testing.T) {
	client, server := pair(t, "tcp", "127.0.0.1:0")
	if _, _, err := Of().ServerHandshake(server); !errors.Is(err, errNoSocket) {
		t.Errorf("tcp server: %v", err)
	}
	if _, _, err := Of().ClientHandshake(t.Context(), "", client); !errors.Is(err, errNoSocket) {
		t.Errorf("tcp client: %v", err)
	}
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if _, _, err := Of().ServerHandshake(one); !errors.Is(err, errNoSocket) {
		t.Errorf("pipe: %v", err)
	}
}

func TestNames(t *testing.T) {
	c := Of()
	if c.Info().SecurityProtocol != "peercred" || (Info{}).AuthType() != "peercred" || c.OverrideServerName("x") != nil {
		t.Error("the credentials do not say what they are")
	}
}
