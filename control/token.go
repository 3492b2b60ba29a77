package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/event"
)

// Role says what the holder of a token may do.
type Role string

// The roles.
const (
	RoleAdministrator Role = "administrator"
	RoleOperator      Role = "operator"
	RoleAnalyst       Role = "analyst"
	RoleDPO           Role = "dpo"
	// RoleOpenDSR is of another system that hands over requests about one site; no
	// other route than OpenDSR's lets it in.
	RoleOpenDSR Role = "opendsr"
)

// Token is what is known about a token; never the token itself.
type Token struct {
	ID        string
	Role      Role
	Name      string
	Site      event.SiteID // of the role opendsr: what it is for
	CreatedAt time.Time
	Revoked   bool
}

// ErrToken is returned for a token that cannot be made as asked.
var ErrToken = errors.New("token")

// tokenPrefix makes tokens easy to find in places where they must not be.
const tokenPrefix = "zgoda_"

// CreateToken makes a token for a person or a program of ours and returns it. It
// is told this once: the store keeps its SHA-256.
func (s *Store) CreateToken(ctx context.Context, role Role, name string) (string, error) {
	switch role {
	case RoleAdministrator, RoleOperator, RoleAnalyst, RoleDPO:
		return s.createToken(ctx, role, name, "")
	default:
		return "", fmt.Errorf("%w: role must be administrator, operator, analyst or dpo", ErrToken)
	}
}

// CreateSiteToken makes a token of the role opendsr, for one site.
func (s *Store) CreateSiteToken(ctx context.Context, site event.SiteID, name string) (string, error) {
	if site == "" {
		return "", fmt.Errorf("%w: a token of the role opendsr is for one site", ErrToken)
	}
	return s.createToken(ctx, RoleOpenDSR, name, site)
}

func (s *Store) createToken(ctx context.Context, role Role, name string, site event.SiteID) (string, error) {
	if len(name) > 200 {
		return "", fmt.Errorf("%w: name is longer than 200 bytes", ErrToken)
	}
	var id [8]byte
	var secret [32]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(secret[:])
	public := hex.EncodeToString(id[:])
	token := tokenPrefix + public + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(token))
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	_, err := s.db.changes().ExecContext(ctx, `INSERT INTO token (id, hash, role, name, created_micros, revoked_micros, site) VALUES ($1, $2, $3, $4, $5, 0, $6)`,
		public, hash[:], string(role), name, now().UnixMicro(), string(site))
	if err != nil {
		return "", fmt.Errorf("write the token: %w", err)
	}
	return token, nil
}

// CheckToken says whose token this is; ok is false for one that is unknown,
// malformed or revoked. An error refuses too.
func (s *Store) CheckToken(ctx context.Context, token string) (t Token, ok bool, err error) {
	public, _, cut := strings.Cut(strings.TrimPrefix(token, tokenPrefix), "_")
	if !cut || len(public) != 16 || !strings.HasPrefix(token, tokenPrefix) {
		return Token{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var want []byte
	t, err = scanToken(s.db.plain().QueryRowContext(ctx,
		`SELECT id, role, name, created_micros, revoked_micros, site, hash FROM token WHERE id = $1`, public), &want)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, false, nil
	}
	if err != nil {
		return Token{}, false, fmt.Errorf("check the token: %w", err)
	}
	got := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(got[:], want) != 1 || t.Revoked {
		return Token{}, false, nil
	}
	return t, true, nil
}

func scanToken(row interface{ Scan(dest ...any) error }, hash *[]byte) (Token, error) {
	var t Token
	var created, revoked int64
	if err := row.Scan(&t.ID, (*string)(&t.Role), &t.Name, &created, &revoked, (*string)(&t.Site), hash); err != nil {
		return Token{}, err
	}
	t.CreatedAt, t.Revoked = time.UnixMicro(created).UTC(), revoked != 0
	return t, nil
}

// ListTokens returns every token, oldest first, revoked ones too.
func (s *Store) ListTokens(ctx context.Context) ([]Token, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var tokens []Token
	err := all(ctx, s.db.plain(), `SELECT id, role, name, created_micros, revoked_micros, site, hash FROM token ORDER BY created_micros, id`, nil,
		func(rows *sql.Rows) error {
			t, err := scanToken(rows, new([]byte))
			tokens = append(tokens, t)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

// RevokeToken revokes a token for good. known is false when there is none of
// that id.
func (s *Store) RevokeToken(ctx context.Context, id string) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	result, err := s.db.changes().ExecContext(ctx,
		`UPDATE token SET revoked_micros = CASE revoked_micros WHEN 0 THEN $1 ELSE revoked_micros END WHERE id = $2`, now().UnixMicro(), id)
	if err != nil {
		return false, fmt.Errorf("revoke the token: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
