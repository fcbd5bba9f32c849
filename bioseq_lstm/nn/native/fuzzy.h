// LSTM whose gates are blended from those of several rules. Equations: cells/fuzzy.py.
#pragma once

#include <algorithm>

#include "loop.h"
#include "lstm.h"

// The widths of a fuzzy cell. Inputs side by side: sums of the four gates, rule by rule, and then
// the features that memberships look at.
struct FuzzySizes {
    const int64_t hidden, rules, features, gates, width;

    explicit FuzzySizes(const int64_t* own)
        : hidden(own[0]), rules(own[1]), features(own[2]), gates(4 * hidden),
          width(rules * gates + features) {}
};

template <class T>
struct FuzzyForward {
    const FuzzySizes size;
    Steps<const T> inputs;
    Steps<T> gates, memory, features, states, firing;
    Before<T> memory_before, states_before;
    Matrix<T> recurrent;
    const T *centre, *precision;
    Carry<T> sums;

    FuzzyForward(const int64_t* sizes, const Array* a)
        : size(sizes + OWN), inputs(a[0]), gates(a[1]), memory(a[2]), features(a[3]),
          states(a[4]), firing(a[5]), memory_before(memory, size.hidden),
          states_before(states, size.hidden),
          recurrent(values<T>(a[6]), size.width, size.hidden, size.hidden, 1),
          centre(values<T>(a[7])), precision(values<T>(a[8])), sums(sizes[BATCH], size.width) {}

    void step(Part part, int64_t t) {
        recurrent.product(
            states_before.rows(part, t), inputs.rows(part, t), sums.rows(part), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            const T* sum = sums.at(r);
            T *gate = gates.at(r, t), *fire = firing.at(r, t);
            std::copy_n(sum + size.rules * size.gates, size.features, features.at(r, t));
            fire_rules(features.at(r, t), fire);
            std::fill_n(gate, size.gates, T(0));
            for (int64_t k = 0; k < size.rules; ++k) {
                const T share = fire[k], *of_rule = sum + k * size.gates;
                EACH for (int64_t j = 0; j < size.gates; ++j) gate[j] += share * of_rule[j];
            }
            lstm_forward(
                size.hidden, gate, memory_before.at(r, t), memory.at(r, t), states.at(r, t));
        }
    }

    // Logarithms are compared, not memberships: far from all centres, those would all be 0.
    void fire_rules(const T* feature, T* fire) const {
        for (int64_t k = 0; k < size.rules; ++k) {
            T squares = 0;
            for (int64_t d = 0; d < size.features; ++d) {
                const int64_t at = k * size.features + d;
                const T away = (feature[d] - centre[at]) * precision[at];
                squares += away * away;
            }
            fire[k] = -squares / T(2 * size.features);
        }
        const T most = *std::max_element(fire, fire + size.rules);
        T sum = 0;
        for (int64_t k = 0; k < size.rules; ++k) sum += fire[k] = exponential(fire[k] - most);
        for (int64_t k = 0; k < size.rules; ++k) fire[k] /= sum;
    }
};

template <class T>
struct FuzzyBackward {
    const FuzzySizes size;
    Steps<const T> inputs, gates, features, firing, d_states, d_firing;
    Steps<T> memory, states, d_inputs;
    Before<T> memory_before, states_before;
    const T *weight, *centre, *precision;
    Steps<T> d_centre, d_precision;  // (threads, rules x features)
    std::vector<Matrix<T>> recurrent;  // of each rule
    Carry<T> d_hidden, d_memory, d_gates, d_states_of_rules, d_logs;

    FuzzyBackward(const int64_t* sizes, const Array* a)
        : size(sizes + OWN), inputs(a[0]), gates(a[1]), features(a[2]), firing(a[3]),
          d_states(a[4]), d_firing(a[5]), memory(a[6]), states(a[7]), d_inputs(a[8]),
          memory_before(memory, size.hidden), states_before(states, size.hidden),
          weight(values<T>(a[9])), centre(values<T>(a[10])), precision(values<T>(a[11])),
          d_centre(a[12]), d_precision(a[13]), d_hidden(sizes[BATCH], size.hidden),
          d_memory(sizes[BATCH], size.hidden), d_gates(sizes[BATCH], size.gates),
          d_states_of_rules(sizes[BATCH], size.rules * size.hidden),
          d_logs(sizes[BATCH], size.rules) {
        for (int64_t k = 0; k < size.rules; ++k)
            recurrent.emplace_back(
                weight + k * size.gates * size.hidden, size.hidden, size.gates, 1, size.hidden);
    }

    void step(Part part, int64_t t) {
        for (int64_t r = part.begin; r < part.end; ++r)
            lstm_backward(
                size.hidden, gates.at(r, t), memory_before.at(r, t), memory.at(r, t),
                d_states.at(r, t), d_hidden.at(r), d_memory.at(r), d_gates.at(r));
        for (int64_t k = 0; k < size.rules; ++k)
            recurrent[k].product(
                constant(d_gates.rows(part)), {nullptr, 0},
                d_states_of_rules.rows(part).columns(k * size.hidden), part.count());
        for (int64_t r = part.begin; r < part.end; ++r) {
            through_blend(r, t);
            through_memberships(r, t, part.thread);
        }
    }

    // A rule's sums are its inputs and its product with the state before. The product itself was
    // not kept: <d, R h> = <R^T d, h>, and the left of the latter is there.
    void through_blend(int64_t r, int64_t t) {
        const T *d_gate = d_gates.at(r), *fire = firing.at(r, t), *h = states_before.at(r, t);
        T *d_h = d_hidden.at(r), *d_log = d_logs.at(r);
        std::fill_n(d_h, size.hidden, T(0));
        T mean = 0;
        for (int64_t k = 0; k < size.rules; ++k) {
            const T share = fire[k];
            const T *input = inputs.at(r, t) + k * size.gates;
            const T* d_rule = d_states_of_rules.at(r) + k * size.hidden;
            T* d_input = d_inputs.at(r, t) + k * size.gates;
            EACH for (int64_t j = 0; j < size.gates; ++j) d_input[j] = share * d_gate[j];
            EACH for (int64_t j = 0; j < size.hidden; ++j) d_h[j] += share * d_rule[j];
            d_log[k] = d_firing.at(r, t)[k]
                + total<T>(size.gates, [&](int64_t j) { return d_gate[j] * input[j]; })
                + total<T>(size.hidden, [&](int64_t j) { return d_rule[j] * h[j]; });
            mean += share * d_log[k];
        }
        for (int64_t k = 0; k < size.rules; ++k) d_log[k] = fire[k] * (d_log[k] - mean);
    }

    void through_memberships(int64_t r, int64_t t, int64_t thread) {
        const T *feature = features.at(r, t), *d_log = d_logs.at(r);
        const T* to_features = weight + size.rules * size.gates * size.hidden;
        T *d_feature = d_inputs.at(r, t) + size.rules * size.gates, *d_h = d_hidden.at(r);
        T *d_c = d_centre.at(thread, 0), *d_p = d_precision.at(thread, 0);
        std::fill_n(d_feature, size.features, T(0));
        for (int64_t k = 0; k < size.rules; ++k) {
            for (int64_t d = 0; d < size.features; ++d) {
                const int64_t at = k * size.features + d;
                const T away = feature[d] - centre[at];
                const T d_away = -d_log[k] * away * precision[at] / size.features;
                d_feature[d] += d_away * precision[at];
                d_c[at] -= d_away * precision[at];
                d_p[at] += d_away * away;
            }
        }
        for (int64_t d = 0; d < size.features; ++d) {
            const T d_this = d_feature[d], *row = to_features + d * size.hidden;
            EACH for (int64_t j = 0; j < size.hidden; ++j) d_h[j] += d_this * row[j];
        }
    }
};

EXPORT(fuzzy, FuzzyForward, FuzzyBackward)
