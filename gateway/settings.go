package gateway

import (
	"strings"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

// gpcSince is when the support of Global Privacy Control was last changed.
const gpcSince = "2026-11-22"

func gpc(rc *fasthttp.RequestCtx) {
	rc.SetContentType("application/json")
	rc.Response.Header.Set("Cache-Control", "public, max-age=86400")
	rc.SetBodyString(`{"gpc":true,"lastUpdate":"` + gpcSince + `"}`)
}

// segmentSettings is what analytics.js 2 asks for at start: one destination,
// this gateway, no remote code, no metrics sent anywhere.
type segmentSettings struct {
	Integrations         map[string]segmentDestination `json:"integrations"`
	Plan                 segmentPlan                   `json:"plan"`
	EdgeFunction         struct{}                      `json:"edgeFunction"`
	MiddlewareSettings   struct{}                      `json:"middlewareSettings"`
	EnabledMiddleware    struct{}                      `json:"enabledMiddleware"`
	RemotePlugins        []struct{}                    `json:"remotePlugins"`
	Metrics              segmentMetrics                `json:"metrics"`
	AnalyticsNextEnabled bool                          `json:"analyticsNextEnabled"`
	LegacyVideoPlugins   bool                          `json:"legacyVideoPluginsEnabled"`
}

type segmentDestination struct {
	APIKey                string   `json:"apiKey"`
	APIHost               string   `json:"apiHost"`
	Protocol              string   `json:"protocol"`
	AddBundledMetadata    bool     `json:"addBundledMetadata"`
	UnbundledIntegrations []string `json:"unbundledIntegrations"`
	RetryQueue            bool     `json:"retryQueue"`
}

type segmentPlan struct {
	Track    segmentDefault `json:"track"`
	Identify segmentDefault `json:"identify"`
	Group    segmentDefault `json:"group"`
}

type segmentDefault struct {
	Default struct {
		Enabled      bool     `json:"enabled"`
		Integrations struct{} `json:"integrations"`
	} `json:"__default"`
}

type segmentMetrics struct {
	SampleRate float64 `json:"sampleRate"`
}

// settings answers analytics.js 2 with what it needs to run with this gateway only.
func (g *Gateway) settings(rc *fasthttp.RequestCtx) {
	key := settingsKey(rc.Path())
	site, class := g.deps.Sites.ByKey(key)
	varyOrigin(rc)
	if site == nil || class == collector.KeySecret {
		problem(rc, fasthttp.StatusNotFound, collector.Problem{Title: "The write key is not known", Field: "writeKey"})
		return
	}
	if origin := rc.Request.Header.Peek("Origin"); len(origin) > 0 && site.OriginListed(origin) {
		allowOrigin(rc, origin)
	}
	host := string(rc.Host())
	if !plainHost(host) {
		problem(rc, fasthttp.StatusBadRequest, collector.Problem{Title: "The Host header is not a host", Field: "Host"})
		return
	}
	scheme := "http"
	if g.secure(rc) {
		scheme = "https"
	}
	answer := segmentSettings{AnalyticsNextEnabled: true, RemotePlugins: []struct{}{}}
	answer.Integrations = map[string]segmentDestination{"Segment.io": {
		APIKey: string(key), APIHost: host + "/v1", Protocol: scheme, UnbundledIntegrations: []string{}, RetryQueue: true,
	}}
	for _, d := range []*segmentDefault{&answer.Plan.Track, &answer.Plan.Identify, &answer.Plan.Group} {
		d.Default.Enabled = true
	}
	// The answer holds the Host it was asked by, so no shared cache may keep it.
	rc.Response.Header.Set("Cache-Control", "private, max-age=300")
	writeJSON(rc, answer)
}

// plainHost says whether the text is a host with or without a port and nothing else.
func plainHost(host string) bool {
	return host != "" && len(host) <= 255 && strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == ""
}
