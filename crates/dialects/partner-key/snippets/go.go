// Needs Go 1.19 or newer, and no module. The API key stands in a file of its own.
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func part(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func privateKey(path string) *rsa.PrivateKey {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		log.Fatalf("%s holds no PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func main() {
	apiKey, err := os.ReadFile({{companion_file}})
	if err != nil {
		log.Fatal(err)
	}
	signed := part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + part(map[string]any{
		"iss": {{setting.issuer}},
		"sub": {{setting.make_subject}},
		"aud": {{setting.audience}},
		"exp": time.Now().Unix() + 60,
	})
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey({{key_file}}), crypto.SHA256, digest[:])
	if err != nil {
		log.Fatal(err)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)

	request, err := http.NewRequest("GET", {{url}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set({{setting.header}}, token)
	request.Header.Set({{setting.api_key_header}}, strings.TrimSpace(string(apiKey)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		log.Fatal(answer.Status, " ", string(body), err)
	}
	fmt.Println(string(body))
}
