// Needs Go 1.19 or newer, and no module.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func privateKey(path string) ed25519.PrivateKey {
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
	return key.(ed25519.PrivateKey)
}

func ask(request *http.Request) []byte {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		log.Fatal(answer.Status, " ", string(body), err)
	}
	return body
}

func post(call string, body map[string]string) map[string]any {
	text, err := json.Marshal(body)
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest("POST", {{session}}+"/auth/"+call, bytes.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	var answer map[string]any
	if err := json.Unmarshal(ask(request), &answer); err != nil {
		log.Fatal(err)
	}
	return answer
}

func main() {
	// Ask for a challenge, sign its text, and open a session with it.
	code := post("code", map[string]string{"userId": {{identifier}}})["authCode"].(string)
	tokens := post("token", map[string]string{
		"userId":    {{identifier}},
		"authCode":  code,
		"signature": hex.EncodeToString(ed25519.Sign(privateKey({{key_file}}), []byte(code))),
		"key":       {{key_base64}},
		"scheme":    "ed25519",
	})

	request, err := http.NewRequest("GET", {{url}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+tokens["accessToken"].(string))
	fmt.Println(string(ask(request)))
}
