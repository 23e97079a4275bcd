package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigOIDC_Check(t *testing.T) {
	for text, wrong := range map[string]string{
		"oidc: {issuer: https://id.example.org, client_id: x}":                            "",
		"oidc: {issuer: http://localhost:9000/realms/a, client_id: x, name: Our sign-in}": "",
		"oidc: {issuer: http://id.example.org, client_id: x}":                             "oidc.issuer: ",
		"oidc: {issuer: id.example.org, client_id: x}":                                    "oidc.issuer: ",
		"oidc: {issuer: https://u:p@id.example.org, client_id: x}":                        "oidc.issuer: ",
		"oidc: {issuer: https://id.example.org}":                                          "oidc.client_id: ",
		"oidc: {client_id: x}":                                                            "oidc.issuer: ",
		"oidc: {secret: x}":                                                               "oidc.secret: ",
	} {
		file := filepath.Join(t.TempDir(), "sensocto.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(environment{"HOME": "/home/me"}, file, nil)
		if (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConfigOIDC_TheSecretIsReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	c := Config{OIDCIssuer: "https://id.example.org", OIDCClientID: "x", OIDCClientSecretFile: file}
	if _, err := c.oidc(); err == nil || !strings.Contains(err.Error(), "oidc.client_secret_file") {
		t.Error(err)
	}
	for _, secret := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := c.oidc()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.Secret(); got != secret || err != nil {
			t.Error(got, err)
		}
	}
	for _, junk := range []string{"", "\n", strings.Repeat("x", 5000)} {
		if err := os.WriteFile(file, []byte(junk), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.oidc(); err == nil {
			t.Errorf("%.10q is a secret", junk)
		}
	}
}
