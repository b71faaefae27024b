// Needs Go 1.19 or newer, and no module.
package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func part(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func privateKey(path string) any {
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
	return key
}

func nonce() string {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(random)
}

func main() {
	key := privateKey({{key_file}})
	alg := "RS256"
	if _, is := key.(ed25519.PrivateKey); is {
		alg = "EdDSA"
	}
	// The nonce works once: make the token anew for every request.
	signed := part(map[string]any{"alg": alg, "typ": "JWT"}) + "." +
		part(map[string]any{"username": {{identifier}}, "time": time.Now().Unix(), "nonce": nonce()})
	var signature []byte
	switch key := key.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(signed))
	case *rsa.PrivateKey:
		var err error
		digest := sha256.Sum256([]byte(signed))
		if signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal("wanted an RSA or Ed25519 key")
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)

	request, err := http.NewRequest("GET", {{url}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set({{setting.header}}, {{setting.scheme}}+" "+token)
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
