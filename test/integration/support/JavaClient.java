import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Kafka's own client, for cross-checks. Arguments: the bootstrap address, how many records, and
 * what to do with partition 0 of a topic: `write:TOPIC:CODEC`, `read:TOPIC`. Prints
 * `TOPIC OFFSET KEY VALUE` for each record that it read.
 */
public class JavaClient {
  public static void main(String[] args) {
    int count = Integer.parseInt(args[1]);
    for (int i = 2; i < args.length; i++) {
      String[] task = args[i].split(":");
      if (task[0].equals("write")) write(args[0], count, task[1], task[2]);
      else read(args[0], count, task[1]);
    }
  }

  private static void write(String bootstrap, int count, String topic, String codec) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("compression.type", codec);
    settings.put("linger.ms", "200");
    var strings = new StringSerializer();
    try (var producer = new KafkaProducer<>(settings, strings, strings)) {
      for (int i = 0; i < count; i++) {
        producer.send(new ProducerRecord<>(topic, 0, "key-" + i, "value-" + i));
      }
    }
  }

  private static void read(String bootstrap, int count, String topic) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    var strings = new StringDeserializer();
    try (var consumer = new KafkaConsumer<>(settings, strings, strings)) {
      var partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long deadline = System.currentTimeMillis() + 20_000;
      while (consumer.position(partition) < count && System.currentTimeMillis() < deadline) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          System.out.println(
              topic + " " + record.offset() + " " + record.key() + " " + record.value());
        }
      }
    }
  }
}
