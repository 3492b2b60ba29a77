package kektest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash/crc32"
	"net"
	"strings"
	"testing"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// GCP speaks the documented interface of Google Cloud KMS, gRPC
// (https://cloud.google.com/kms/docs/reference/rpc).
type GCP struct {
	*far
	kmspb.UnimplementedKeyManagementServiceServer

	Account string // file
	Secret  string // a part of the account's private key, as the file has it
	safe    *safe
	public  *rsa.PublicKey
}

// NewGCP starts one with two keys, kek and other.
func NewGCP(t *testing.T) *GCP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pemKey := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	account, err := json.Marshal(map[string]string{ //nolint:gosec // a key of a test, made here
		"type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": pemKey,
		"client_email": "kek@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": "https://127.0.0.1:1/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &GCP{
		Account: secretFile(t, "account.json", string(account)), Secret: pemKey[200:240],
		safe: newSafe(gcpName("kek"), gcpName("other")), public: &key.PublicKey,
	}
	g.far = newFar(t, func(settings *tls.Config, l net.Listener) func() {
		server := grpc.NewServer(grpc.Creds(credentials.NewTLS(settings)), grpc.UnaryInterceptor(g.authorise))
		kmspb.RegisterKeyManagementServiceServer(server, g)
		go func() { _ = server.Serve(l) }()
		return server.Stop
	})
	return g
}

func gcpName(key string) string {
	return "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/" + key
}

// URI names a key.
func (g *GCP) URI(key string) string { return "gcp-kms://" + gcpName(key) }

// authorise checks the token, which the account signed itself.
func (g *GCP) authorise(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	sent, _ := metadata.FromIncomingContext(ctx)
	refused := status.Error(codes.Unauthenticated, "canary told by Google")
	if len(sent.Get("authorization")) != 1 || g.denied.Load() {
		return nil, refused
	}
	parts := strings.Split(strings.TrimPrefix(sent.Get("authorization")[0], "Bearer "), ".")
	if len(parts) != 3 {
		return nil, refused
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(g.public, crypto.SHA256, sum[:], signature) != nil {
		return nil, refused
	}
	return handle(ctx, request)
}

func checksum(b []byte) *wrapperspb.Int64Value {
	return wrapperspb.Int64(int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))))
}

// Encrypt seals.
func (g *GCP) Encrypt(_ context.Context, r *kmspb.EncryptRequest) (*kmspb.EncryptResponse, error) {
	if g.safe.latest(r.GetName()) == 0 {
		return nil, status.Error(codes.NotFound, "canary told by Google")
	}
	_, sealed := g.safe.seal(r.GetName(), r.GetPlaintext(), r.GetAdditionalAuthenticatedData())
	return &kmspb.EncryptResponse{
		Name: r.GetName() + "/cryptoKeyVersions/1", Ciphertext: sealed, CiphertextCrc32C: checksum(sealed),
		VerifiedPlaintextCrc32C:                   checksum(r.GetPlaintext()).GetValue() == r.GetPlaintextCrc32C().GetValue(),
		VerifiedAdditionalAuthenticatedDataCrc32C: checksum(r.GetAdditionalAuthenticatedData()).GetValue() == r.GetAdditionalAuthenticatedDataCrc32C().GetValue(),
	}, nil
}

// Decrypt opens.
func (g *GCP) Decrypt(_ context.Context, r *kmspb.DecryptRequest) (*kmspb.DecryptResponse, error) {
	plain, err := g.safe.open(r.GetName(), 1, r.GetCiphertext(), r.GetAdditionalAuthenticatedData())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "Decryption failed: canary told by Google")
	}
	return &kmspb.DecryptResponse{Plaintext: plain, PlaintextCrc32C: checksum(plain), UsedPrimary: true}, nil
}
