// Needs Java 17 or newer, and no library: java Main.java. The API key stands in a file of its own.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;

public class Main {
    static String b64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static PrivateKey privateKey(String file) throws Exception {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    public static void main(String[] arguments) throws Exception {
        String apiKey = Files.readString(Path.of({{companion_file}})).strip();
        long now = Instant.now().getEpochSecond();
        String claims = "{\"iss\":" + {{setting.issuer.json}} + ",\"sub\":" + {{setting.make_subject.json}}
            + ",\"aud\":" + {{setting.audience.json}} + ",\"exp\":" + (now + 60) + "}";
        String signed = b64url("{\"alg\":\"RS256\",\"typ\":\"JWT\"}".getBytes("UTF-8")) + "." + b64url(claims.getBytes("UTF-8"));
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(privateKey({{key_file}}));
        signature.update(signed.getBytes("UTF-8"));
        String token = signed + "." + b64url(signature.sign());

        HttpRequest request = HttpRequest.newBuilder(URI.create({{url}}))
            .header({{setting.header}}, token)
            .header({{setting.api_key_header}}, apiKey)
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }
}
