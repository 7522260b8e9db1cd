/** The check of a message's HTML in Mailpit's JSON. */

import { checkHtml, type FeatureSupport, type UsedFeature } from "../preview/html_check.ts";
import { featureTable } from "../preview/html_features.ts";

/** What it answers for an HTML text. */
export function htmlCheckJson(html: string) {
  const { nodes, tests, features } = checkHtml(html);
  // what all programs can do is no warning
  const warnings = features.filter(({ score }) => score.supported < 100);
  const worst = (share: (score: UsedFeature["score"]) => number) =>
    Math.max(
      0,
      ...warnings.map(({ score, found }) => share(score) * Math.min(1, found / Math.max(1, nodes))),
    );
  const partial = worst((score) => score.partial);
  const unsupported = worst((score) => score.unsupported);
  return {
    Warnings: warnings.map(warningJson),
    Platforms: platformsJson(),
    Total: {
      Tests: tests,
      Nodes: nodes,
      Supported: Math.max(0, 100 - partial - unsupported),
      Partial: partial,
      Unsupported: unsupported,
    },
  };
}

function warningJson(feature: UsedFeature) {
  const { slug, title, description, url, category, tags, keywords, notes, results, found, score } = feature;
  return {
    Slug: slug,
    Title: title,
    Description: description,
    URL: url,
    Category: category,
    Tags: tags,
    Keywords: keywords,
    Results: results.map(resultJson),
    NotesByNumber: notes,
    Score: {
      Found: found,
      Supported: score.supported,
      Partial: score.partial,
      Unsupported: score.unsupported,
    },
  };
}

function resultJson({ family, platform, version, support, notes }: FeatureSupport) {
  const { families, platforms } = featureTable();
  return {
    Name: `${families[family] ?? family} ${platforms[platform] ?? platform} (${version})`,
    Platform: platform,
    Family: family,
    Version: version,
    Support: support,
    NoteNumber: notes.join(" "),
  };
}

/** The programs that were tried on each platform. */
function platformsJson(): Record<string, string[]> {
  const { features, families } = featureTable();
  const all = new Map<string, Set<string>>();
  for (const key of features.flatMap(({ support }) => Object.keys(support))) {
    const [family = "", platform = ""] = key.split(".");
    const names = all.get(platform) ?? new Set();
    all.set(platform, names.add(families[family] ?? family));
  }
  const sorted = [...all].sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(sorted.map(([platform, names]) => [platform, [...names].sort()]));
}
