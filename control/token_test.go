package control

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

func contractTokens(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	token, err := s.CreateToken(t.Context(), RoleOperator, "desk")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.CreateToken(t.Context(), RoleAnalyst, "reports")
	if err != nil || second == token || !strings.HasPrefix(token, tokenPrefix) {
		t.Fatalf("tokens are not made as they should: %v", err)
	}
	got, ok, err := s.CheckToken(t.Context(), token)
	if err != nil || !ok || got.Role != RoleOperator || got.Name != "desk" || got.CreatedAt.IsZero() {
		t.Errorf("%v %v", ok, err)
	}
	last := "A"
	if strings.HasSuffix(token, last) {
		last = "B"
	}
	mixed := token[:strings.LastIndex(token[:30], "_")] + second[strings.LastIndex(second[:30], "_"):]
	for name, bad := range map[string]string{
		"empty": "", "prefix": tokenPrefix, "no secret": token[:len(tokenPrefix)+16], "empty secret": token[:len(tokenPrefix)+17],
		"altered": token[:len(token)-1] + last, "longer": token + "A", "without prefix": strings.TrimPrefix(token, tokenPrefix),
		"another's secret": mixed, "unknown": tokenPrefix + "0123456789abcdef_" + token[len(tokenPrefix)+17:], "quote": tokenPrefix + "' OR 1=1 --     _x",
	} {
		if _, ok, err := s.CheckToken(t.Context(), bad); ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	if known, err := s.RevokeToken(t.Context(), got.ID); !known || err != nil {
		t.Errorf("revoke: %v %v", known, err)
	}
	if known, err := s.RevokeToken(t.Context(), "none"); known || err != nil {
		t.Errorf("revoke an unknown one: %v %v", known, err)
	}
	if _, ok, err := s.CheckToken(t.Context(), token); ok || err != nil {
		t.Errorf("a revoked token opens: %v", err)
	}
	list, err := s.ListTokens(t.Context())
	if err != nil || len(list) != 2 || !list[0].Revoked || list[1].Revoked {
		t.Errorf("list: %+v %v", list, err)
	}
}

// TestTokensAreNotOnTheDisk: only what says that a token is right.
func TestTokensAreNotOnTheDisk(t *testing.T) {
	cfg := config(t)
	s := open(t, cfg)
	token, err := s.CreateToken(t.Context(), RoleOperator, "desk")
	if err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(cfg.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(token[len(tokenPrefix)+17:])) {
			t.Error("the token's secret is on the disk")
		}
	}
}

func contractTokenErrorsRefuse(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	if _, err := s.CreateToken(t.Context(), "root", "x"); !errors.Is(err, ErrToken) {
		t.Errorf("an unknown role: %v", err)
	}
	if _, err := s.CreateToken(t.Context(), RoleDPO, strings.Repeat("x", 201)); !errors.Is(err, ErrToken) {
		t.Errorf("a long name: %v", err)
	}
	token, err := s.CreateToken(t.Context(), RoleDPO, "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.CheckToken(t.Context(), token); ok || err == nil {
		t.Error("a closed store let a token pass")
	}
}
