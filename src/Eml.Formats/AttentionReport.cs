using Eml.Functions;

namespace Eml.Formats;

/// <summary>eml-core's texts of its attention benchmark and comparison, and the round trip that the benchmark asks for.</summary>
public static class AttentionReport
{
    /// <summary>Phase 1 of the benchmark: whether a block's JSON text is read back as the same shape.</summary>
    public static bool SurvivesRoundtrip(ToyEmlAttention block) =>
        ModelFile.Read(ModelFile.Write(block, FileFormat.Json), FileFormat.Json) is ToyEmlAttention back &&
        back.DModel == block.DModel && back.SeqLen == block.SeqLen;

    /// <summary>The benchmark with eml-core's keys, in its order.</summary>
    public static string ToJson(AttentionBenchmark benchmark)
    {
        JsonText json = new JsonText()
            .Raw("{\"d_model\":"u8).Unsigned((ulong)benchmark.DModel)
            .Raw(",\"seq_len\":"u8).Unsigned((ulong)benchmark.SeqLen)
            .Raw(",\"d_k\":"u8).Unsigned((ulong)benchmark.DK)
            .Raw(",\"depth\":"u8).Unsigned((ulong)benchmark.Depth)
            .Raw(",\"param_count\":"u8).Unsigned((ulong)benchmark.ParamCount)
            .Raw(",\"phase1_warmup_ns\":"u8).Unsigned(benchmark.Phase1WarmupNs)
            .Raw(",\"phase1_serialize_roundtrip\":"u8).Boolean(benchmark.Phase1SerializeRoundtrip)
            .Raw(",\"phase2_converged\":"u8).Boolean(benchmark.Phase2Converged)
            .Raw(",\"phase2_baseline_mse\":"u8).Serde(benchmark.Phase2BaselineMse)
            .Raw(",\"phase2_final_mse\":"u8).Serde(benchmark.Phase2FinalMse)
            .Raw(",\"phase2_mse_reduction\":"u8).Serde(benchmark.Phase2MseReduction)
            .Raw(",\"phase2_training_rounds\":"u8).Unsigned(benchmark.Phase2TrainingRounds)
            .Raw(",\"phase3_inference_ns_mean\":"u8).Unsigned(benchmark.Phase3InferenceNsMean)
            .Raw(",\"phase3_inference_ns_p99\":"u8).Unsigned(benchmark.Phase3InferenceNsP99)
            .Raw(",\"phase4_scaling\":["u8);
        for (int i = 0; i < benchmark.Phase4Scaling.Count; i++)
        {
            ScalingPoint point = benchmark.Phase4Scaling[i];
            json.Raw(i == 0 ? ""u8 : ","u8)
                .Raw("{\"seq_len\":"u8).Unsigned((ulong)point.SeqLen)
                .Raw(",\"d_model\":"u8).Unsigned((ulong)point.DModel)
                .Raw(",\"param_count\":"u8).Unsigned((ulong)point.ParamCount)
                .Raw(",\"inference_ns_mean\":"u8).Unsigned(point.InferenceNsMean).Raw("}"u8);
        }

        return json.Raw("]}"u8).ToString();
    }

    /// <summary>The comparison with eml-core's keys, in its order; its shape is (d_model, d_k, seq_len, depth).</summary>
    public static string ToJson(AttentionComparison comparison) => new JsonText()
        .Raw("{\"shape\":["u8).Unsigned((ulong)comparison.DModel)
        .Raw(","u8).Unsigned((ulong)comparison.DK)
        .Raw(","u8).Unsigned((ulong)comparison.SeqLen)
        .Raw(","u8).Unsigned((ulong)comparison.Depth)
        .Raw("],\"trials\":"u8).Unsigned((ulong)comparison.Trials)
        .Raw(",\"rounds\":"u8).Unsigned((ulong)comparison.Rounds)
        .Raw(",\"eml_param_count\":"u8).Unsigned((ulong)comparison.EmlParamCount)
        .Raw(",\"eml_baseline_mse\":"u8).Serde(comparison.EmlBaselineMse)
        .Raw(",\"eml_final_mse\":"u8).Serde(comparison.EmlFinalMse)
        .Raw(",\"eml_mse_reduction\":"u8).Serde(comparison.EmlMseReduction)
        .Raw(",\"eml_inference_ns_p99\":"u8).Unsigned(comparison.EmlInferenceNsP99)
        .Raw(",\"baseline_param_count\":"u8).Unsigned((ulong)comparison.BaselineParamCount)
        .Raw(",\"baseline_baseline_mse\":"u8).Serde(comparison.BaselineBaselineMse)
        .Raw(",\"baseline_final_mse\":"u8).Serde(comparison.BaselineFinalMse)
        .Raw(",\"baseline_mse_reduction\":"u8).Serde(comparison.BaselineMseReduction)
        .Raw(",\"baseline_inference_ns_p99\":"u8).Unsigned(comparison.BaselineInferenceNsP99).Raw("}"u8).ToString();
}
