package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// dialogues is how many visitors choose in the gateway's own dialogue before a
// measurement, and then send their cookies with each request.
const dialogues = 256

// cookies lets visitors choose, as their browsers would, and returns their
// Cookie headers.
func (g *gateway) cookies(ctx context.Context) ([]string, error) {
	content, err := get(ctx, "http://"+g.public+"/consent?key="+siteKey)
	if err != nil {
		return nil, fmt.Errorf("ask for the version of the texts: %w", err)
	}
	var state struct {
		Version json.Number `json:"version"`
	}
	if err := json.Unmarshal(content, &state); err != nil {
		return nil, fmt.Errorf("read the version of the texts: %w", err)
	}
	var all []string
	for n := range dialogues {
		cookie, err := g.choose(ctx, state.Version.String(), n)
		if err != nil {
			return nil, fmt.Errorf("choose in the dialogue: %w", err)
		}
		all = append(all, cookie)
	}
	return all, nil
}

// choose sends the choice of the n-th visitor; every fourth one refuses
// profiling.
func (g *gateway) choose(ctx context.Context, version string, n int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"key":%q,"version":%q,"choices":{"analytics":true,"profiling":%t,"marketing":false},"locale":"pl","surface":"dialogue"}`, siteKey, version, n%4 != 0)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.public+"/consent", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, value := range map[string]string{
		"Content-Type": "text/plain", "Origin": siteOrigin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors",
		"X-Forwarded-For": fmt.Sprintf("198.51.100.%d", n%256), "X-Forwarded-Proto": "https",
	} {
		req.Header.Set(name, value)
	}
	req.Host = strings.TrimPrefix(siteOrigin, "https://")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("answered %d", resp.StatusCode)
	}
	var parts []string
	for _, c := range resp.Cookies() {
		parts = append(parts, c.Name+"="+c.Value)
	}
	if len(parts) < 2 {
		return "", errors.New("answered without both cookies")
	}
	return strings.Join(parts, "; "), nil
}
