// Needs Go 1.19 or newer, and no module.
package main

import (
	"bytes"
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
)

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
	url := {{url}}
	apiID := {{identifier}}
	user := {{acting_as}}
	content := ""

	// The members stand in this order; & < and > are not spelled \u0026 as Go does by itself.
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		URL     string `json:"url"`
		Content string `json:"content"`
		APIID   string `json:"api_id"`
		User    string `json:"user"`
	}{url, content, apiID, user}); err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey({{key_file}}), crypto.SHA256, digest[:])
	if err != nil {
		log.Fatal(err)
	}

	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set({{setting.id_header}}, apiID)
	request.Header.Set({{setting.user_header}}, user)
	request.Header.Set({{setting.signature_header}}, base64.StdEncoding.EncodeToString(signature))
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
