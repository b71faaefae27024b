// Needs Java 17 or newer, and no library: java Main.java
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.UUID;

public class Main {
    static String b64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static PrivateKey privateKey(String file) throws Exception {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        var spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
        try {
            return KeyFactory.getInstance("Ed25519").generatePrivate(spec);
        } catch (InvalidKeySpecException other) {
            return KeyFactory.getInstance("RSA").generatePrivate(spec);
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrivateKey key = privateKey({{key_file}});
        boolean rsa = key.getAlgorithm().equals("RSA");
        // The nonce works once: make the token anew for every request.
        String claims = "{\"username\":" + {{identifier.json}} + ",\"time\":" + Instant.now().getEpochSecond()
            + ",\"nonce\":\"" + UUID.randomUUID() + "\"}";
        String head = "{\"alg\":\"" + (rsa ? "RS256" : "EdDSA") + "\",\"typ\":\"JWT\"}";
        String signed = b64url(head.getBytes("UTF-8")) + "." + b64url(claims.getBytes("UTF-8"));
        Signature signature = Signature.getInstance(rsa ? "SHA256withRSA" : "Ed25519");
        signature.initSign(key);
        signature.update(signed.getBytes("UTF-8"));
        String token = signed + "." + b64url(signature.sign());

        HttpRequest request = HttpRequest.newBuilder(URI.create({{url}}))
            .header({{setting.header}}, {{setting.scheme}} + " " + token)
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }
}
