// Needs Java 17 or newer, and no library: java Main.java
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

public class Main {
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static PrivateKey privateKey(String file) throws Exception {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    static String ask(HttpRequest request) throws Exception {
        var answer = HTTP.send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    /** Calls the session API; gives one text member of the answer. */
    static String post(String call, String body, String member) throws Exception {
        String answer = ask(HttpRequest.newBuilder(URI.create({{session}} + "/auth/" + call))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build());
        var found = Pattern.compile("\"" + member + "\"\\s*:\\s*\"([^\"\\\\]*)\"").matcher(answer);
        if (!found.find()) {
            throw new IllegalStateException(call + ": no " + member);
        }
        return found.group(1);
    }

    public static void main(String[] arguments) throws Exception {
        // Ask for a challenge, sign its text, and open a session with it.
        String user = {{identifier.json}};
        String code = post("code", "{\"userId\":" + user + "}", "authCode");
        Signature signature = Signature.getInstance("Ed25519");
        signature.initSign(privateKey({{key_file}}));
        signature.update(code.getBytes("UTF-8"));
        String token = post("token", "{\"userId\":" + user + ",\"authCode\":\"" + code + "\",\"signature\":\""
            + HexFormat.of().formatHex(signature.sign()) + "\",\"key\":\"" + {{key_base64}} + "\",\"scheme\":\"ed25519\"}", "accessToken");

        System.out.println(ask(HttpRequest.newBuilder(URI.create({{url}})).header("Authorization", "Bearer " + token).build()));
    }
}
