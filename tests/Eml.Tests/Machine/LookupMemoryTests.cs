using Eml.Machine.Transformer;

namespace Eml.Tests.Machine;

/// <summary>The memory of a lookup reads what a comparison of all keys that there ever were reads.</summary>
public class LookupMemoryTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_reads_the_best_of_all_keys_the_latest_of_equals(bool onParabola)
    {
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            var memory = new LookupMemory(1);
            memory.Clear();
            var keys = new List<(double First, double Second)>();
            double query = 0.0;
            for (int step = 0; step < 60; step++)
            {
                int j = random.Next(-12, 13) * (round % 3 == 0 ? 200 : 1);
                double second = onParabola ? -(double)j * j : random.Next(-150, 1);
                int entry = memory.Insert(2.0 * j, second, keys.Count);
                if (entry >= 0)
                {
                    memory.Values(entry)[0] = keys.Count;
                }
                keys.Add((2.0 * j, second));
                // The same query several times over, while keys come in.
                query = random.Next(4) == 0 ? random.Next(-14, 15) : query;
                int best = memory.Best(query);
                int wanted = 0;
                for (int i = 1; i < keys.Count; i++)
                {
                    wanted = Score(keys[i], query) >= Score(keys[wanted], query) ? i : wanted;
                }
                Assert.Equal(wanted, memory.Position(best));
                Assert.Equal(wanted, memory.Values(best)[0]);
            }
            memory.Clear();
            Assert.Equal(-1, memory.Best(query));
        }
    }

    private static double Score((double First, double Second) key, double query) => (query * key.First) + key.Second;
}
